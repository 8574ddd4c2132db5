"""What is read at once: a few messages of one conversation, without what memory itself had put into them."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from scrubjay.texts import RECALL_HEADING, normalised, visible
from scrubjay.types import MemoryRecord, Message

MESSAGES_AT_ONCE = 8
TOKENS_AT_ONCE = 2_000

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")
_BULLET = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_LINE_LABELS = re.compile(r"^\[[^\]]{1,40}\]\s+|\s+\(id [a-z2-7]{16}\)$")
_NAMES_A_MEMORY = re.compile(r"\bid [a-z2-7]{16}\)")
_AN_ID = re.compile(r"[a-z2-7]{16}")
_OPENS_AN_ANSWER = re.compile(rf"[\s#*_>]*{re.escape(RECALL_HEADING)}\.")
_SHORTEST_PIECE_CHARS = 200
_ONE_TALK = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What of an episode is read: all of it, or a piece of a long one."""

    episode: MemoryRecord
    text: str

    @property
    def message(self) -> Message:
        """The passage as an extractor sees it."""
        return message_of(self.episode, self.text)


def message_of(episode: MemoryRecord, text: str = "") -> Message:
    """Return something said as a message again."""
    said = text or episode.text
    return Message(content=said, role=episode.role or "user", name=episode.name, time=episode.valid_from)


def first_batch(pending: Sequence[MemoryRecord], *, count_tokens: Callable[[str], int]) -> list[MemoryRecord]:
    """Return the pending episodes to read next, in the order in which they were said.

    The least tried go first, then the oldest; with the first go those after it in the same conversation, up to 8
    messages or 2,000 tokens, none said more than an hour after the one before. An episode whose reading has failed
    before is read by itself, so that it spoils no other.
    """
    waiting = sorted(pending, key=lambda row: (row.attempts, row.recorded_at, row.id))
    if not waiting or waiting[0].attempts:
        return waiting[:1]
    same = [row for row in waiting if not row.attempts and _conversation(row) == _conversation(waiting[0])]
    batch, tokens = same[:1], count_tokens(same[0].text)
    for row in same[1:MESSAGES_AT_ONCE]:
        tokens += count_tokens(row.text)
        if tokens > TOKENS_AT_ONCE or abs(row.valid_from - batch[-1].valid_from) > _ONE_TALK:
            break
        batch.append(row)
    return batch


def _conversation(row: MemoryRecord) -> tuple[str, ...]:
    """What must agree for two episodes to be read at once: whose they are, where they were said, and who wrote them."""
    return (row.scope, row.user_id, row.agent_id, row.session_id, row.written_by, row.origin)


def passages_of(
    episodes: Iterable[MemoryRecord], *, known_texts: Iterable[str], count_tokens: Callable[[str], int]
) -> list[Passage]:
    """Return what of the episodes is to be read, long ones in pieces; nothing of those that only quote memory."""
    known = {normalised(text) for text in known_texts}
    return [
        Passage(episode=episode, text=piece)
        for episode in episodes
        for piece in pieces(_own_words(episode, known), count_tokens=count_tokens)
        if visible(piece).strip()
    ]


def _own_words(episode: MemoryRecord, known: set[str]) -> str:
    return without_recalled(episode.text, known=known, by_person=episode.role == "user")


def groups_of(passages: Sequence[Passage], *, count_tokens: Callable[[str], int]) -> list[list[int]]:
    """Return the positions of passages that are read at once: up to 8, up to 2,000 tokens, never none."""
    groups: list[list[int]] = []
    tokens = 0
    for number, passage in enumerate(passages):
        size = count_tokens(passage.text)
        tokens += size
        if not groups or tokens > TOKENS_AT_ONCE or len(groups[-1]) == MESSAGES_AT_ONCE:
            groups.append([])
            tokens = size
        groups[-1].append(number)
    return groups


def pieces(text: str, *, count_tokens: Callable[[str], int]) -> list[str]:
    """Return a text in pieces of at most 2,000 tokens, cut where a paragraph, a sentence or a word ends."""
    if not text.strip():
        return []
    parts = halves(text) if count_tokens(text) > TOKENS_AT_ONCE else [text]
    return parts if len(parts) == 1 else [piece for part in parts for piece in pieces(part, count_tokens=count_tokens)]


def halves(text: str) -> list[str]:
    """Return a text in two parts, cut nearest to its middle; the text itself when it is too short to be cut."""
    middle = len(text) // 2
    if len(text) < _SHORTEST_PIECE_CHARS:
        return [text]
    for border in ("\n\n", "\n", ". ", "。", " "):
        at = min((text.rfind(border, 0, middle), text.find(border, middle)), key=lambda place: abs(place - middle))
        if middle // 2 < at < middle + middle // 2:
            return [text[: at + len(border)], text[at + len(border) :]]
    return [text[:middle], text[middle:]]


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def without_recalled(text: str, *, known: Iterable[str] = (), by_person: bool = False) -> str:
    """Return a text without what came out of memory: the tools' answers, and lines that are a memory's words.

    `known`: normalised texts of memories; a single line like one of them may be the person's own. What is left stands
    as it was written.
    """
    if _is_reply(text):
        return ""
    memories = set(known)
    lines = text.splitlines(keepends=True)
    quoted = {line for line in lines if memories and normalised(bare(line)) in memories}
    if by_person and len(quoted) == 1 and all(bare(line) == line.strip() for line in quoted):
        quoted = set()
    kept: list[str] = []
    in_answer = False  # of a tool, which an empty line ends
    for line in lines:
        in_answer = _OPENS_AN_ANSWER.match(line) is not None or (in_answer and bool(line.strip()))
        if not in_answer and not _NAMES_A_MEMORY.search(line) and line not in quoted:
            kept.append(line)
    return "".join(kept)


def bare(line: str) -> str:
    """Return a line without the marks of a list and the labels that a recalled memory carries."""
    return _LINE_LABELS.sub("", _BULLET.sub("", line.strip())).strip()


def _is_reply(text: str) -> bool:
    """Whether a text is the structured reply of a memory tool."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        shape = json.loads(text)
    except (ValueError, RecursionError):
        return False
    listed = shape.get("results") or shape.get("memories")
    return isinstance(listed, list) and bool(listed) and all(_is_memory(item) for item in listed)


def _is_memory(item: object) -> bool:
    return isinstance(item, dict) and "memory" in item and _AN_ID.fullmatch(str(item.get("id"))) is not None

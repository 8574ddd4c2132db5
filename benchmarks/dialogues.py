"""Files of LoCoMo's and of LongMemEval's form, read as one shape: who was told what, and what is asked about it.

LoCoMo (snap-research/locomo, CC BY-NC 4.0) is a list of conversations with `conversation` and `qa`; LongMemEval
(xiaowu0162/LongMemEval, MIT) a list of questions with `haystack_sessions`. Neither is part of this project.
"""

import gzip
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ANSWERABLE = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
ADVERSARIAL = "adversarial"
KNOWLEDGE_UPDATE = "knowledge-update"
FITTED, HELD_OUT = "fitted on", "held out"
_TURN = re.compile(r"D:?(\d+):(\d+)")  # ids occur as "D8:6; D9:17", "D:11:26" and "D30:05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, the turns and sessions that answer it, and the day it was asked on ("" for none)."""

    text: str
    kind: str
    part: str
    turns: frozenset[str]
    sessions: frozenset[str]
    day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dialogue:
    """One person's sessions, in order, as messages with their turn as metadata; facts per session, and questions."""

    name: str
    sessions: Mapping[str, Sequence[Mapping[str, Any]]]
    questions: Sequence[Question]
    facts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def said_at(self, session: str) -> str:
        """Return when a session took place, as ISO 8601."""
        return str(self.sessions[session][0]["time"])

    def by_age(self, sessions: Collection[str]) -> list[str]:
        """Return sessions, oldest first."""
        return sorted(sessions, key=self.said_at)


def written(path: Path) -> list[dict[str, Any]]:
    """Return the list that a JSON file holds, packed or not."""
    content = path.read_bytes()
    return list(json.loads(gzip.decompress(content) if path.suffix == ".gz" else content))


def moment(text: str) -> str:
    """Return LoCoMo's form of a moment as ISO 8601; its times are taken as UTC."""
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC).isoformat()


def turn_ids(evidence: str | Sequence[str]) -> list[str]:
    """Return the turns that a piece of evidence names, in the form the turns themselves have."""
    listed = evidence if isinstance(evidence, str) else " ".join(evidence)
    return [f"D{int(session)}:{int(turn)}" for session, turn in _TURN.findall(listed)]


def sessions(conversation: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the messages of each session of a LoCoMo conversation, in order, with the turn's id as metadata."""
    told = conversation["conversation"]
    numbers = sorted(int(name.split("_")[1]) for name in told if re.fullmatch(r"session_\d+", name))
    by_name = {
        f"session_{number}": [
            {
                "role": "user",
                "name": turn["speaker"],
                "content": turn["text"],
                "time": moment(told[f"session_{number}_date_time"]),
                "metadata": {"turn": turn["dia_id"]},
            }
            for turn in told[f"session_{number}"]
            if turn["text"].strip()
        ]
        for number in numbers
    }
    return {name: messages for name, messages in by_name.items() if messages}


def locomo(path: Path, *, fitted: Collection[str], only: Collection[str] = (), facts: bool = False) -> list[Dialogue]:
    """Return LoCoMo's conversations, if wanted with their observations as facts; weights were chosen on `fitted`."""
    return [
        _conversation(each, part=FITTED if each["sample_id"] in fitted else HELD_OUT, facts=facts)
        for each in written(path)
        if not only or each["sample_id"] in only
    ]


def _conversation(conversation: Mapping[str, Any], *, part: str, facts: bool) -> Dialogue:
    told = sessions(conversation)
    session_by_turn = {message["metadata"]["turn"]: name for name, messages in told.items() for message in messages}
    asked = []
    for question in conversation["qa"]:
        turns = frozenset(turn_ids(question.get("evidence", []))) & session_by_turn.keys()
        if turns:
            asked.append(
                Question(
                    text=question["question"],
                    kind=ANSWERABLE.get(question["category"], ADVERSARIAL),
                    part=part,
                    turns=turns,
                    sessions=frozenset(session_by_turn[turn] for turn in turns),
                )
            )
    observed = conversation.get("observation", {}) if facts else {}
    drawn = {name: list(_facts(observed.get(f"{name}_observation", {}), told[name])) for name in told}
    return Dialogue(name=conversation["sample_id"], sessions=told, questions=asked, facts=drawn)


def _facts(observed: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a session's observations as facts that rest on the whole text of the first turn they name."""
    message_by_turn = {message["metadata"]["turn"]: message for message in messages}
    for text, source in (each for listed in observed.values() for each in listed):
        turn = next((turn for turn in turn_ids(source) if turn in message_by_turn), None)
        if turn is not None:
            message = message_by_turn[turn]
            said = {"evidence": message["content"], "occurred_at": message["time"], "valid_from": message["time"]}
            yield {"text": text, "metadata": {"turn": turn}, **said}


def longmemeval(path: Path, *, fitted_half: bool) -> Dialogue:
    """Return all sessions of a LongMemEval file as one person's, oldest first, and every question about them.

    A session that several questions share is told once, at its earliest date. With `fitted_half` the weights were
    chosen on the questions at even places.
    """
    asked = written(path)
    date_by_session: dict[str, str] = {}
    turns_by_session: dict[str, list[dict[str, Any]]] = {}
    for entry in asked:
        dates = zip(entry["haystack_session_ids"], entry["haystack_dates"], strict=True)
        for (session, date), turns in zip(dates, entry["haystack_sessions"], strict=True):
            date_by_session[session] = min(_minute(date), date_by_session.get(session, "9999"))
            turns_by_session[session] = turns
    told = {
        session: _messages(session, date_by_session[session], turns_by_session[session])
        for session in sorted(turns_by_session, key=lambda session: (date_by_session[session], session))
    }
    questions = [
        _question(entry, part=FITTED if fitted_half and place % 2 == 0 else HELD_OUT)
        for place, entry in enumerate(asked)
    ]
    return Dialogue(name="longmemeval", sessions=told, questions=questions)


def _minute(text: str) -> str:
    return datetime.strptime(text, "%Y/%m/%d (%a) %H:%M").replace(tzinfo=UTC).isoformat()


def _messages(session: str, time: str, turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "role": turn["role"],
            "content": turn["content"],
            "time": time,
            "metadata": {"session": session, "turn": f"{session}#{number}"},
        }
        for number, turn in enumerate(turns)
        if turn["content"].strip()
    ]


def _question(entry: Mapping[str, Any], *, part: str) -> Question:
    answering = frozenset(
        f"{session}#{number}"
        for session, turns in zip(entry["haystack_session_ids"], entry["haystack_sessions"], strict=True)
        for number, turn in enumerate(turns)
        if turn.get("has_answer")
    )
    return Question(
        text=entry["question"],
        kind=entry["question_type"],
        part=part,
        turns=answering,
        sessions=frozenset(entry["answer_session_ids"]),
        # The day, not the minute: the file dates some of the evidence later on the very day of its question.
        day=_minute(entry["question_date"])[:10],
    )

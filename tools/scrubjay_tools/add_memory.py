"""The tool add_memory."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from scrubjay.inputs import facts_of, message_of, metadata_of, scope_of
from scrubjay.journeys.adding import Added, Addition, add
from scrubjay.recall.reply import memory_line
from scrubjay.results import notes_of, outcome_shape, related_shape
from scrubjay.types import MAX_BATCH, Event, Scope
from scrubjay_tools.arguments import FIRST_WRONG, FactArgument, MessageArgument, Metadata, ScopeName, SessionId
from scrubjay_tools.host import Host, caller_of, engine_of, reporting
from scrubjay_tools.replies import LONG_CHARS, AddReply, reply, shortened

_SHOWN_WHOLE = 20
_SHORT_CHARS = 80
_NOTE_FACTS = (
    "Stored as it was said. For better recall call add_memory again with the same words and `facts` drawn from them."
)
_NOTE_RELATED = (
    "Compare with `related`: where a new memory makes one of them untrue, send it again as a fact with "
    "`replaces: [that id]`; where both hold, do nothing."
)
_NOTE_PAST = (
    "Dated before what it replaces, so it was stored as what was true until then; leave out its date if it holds now."
)
_NOTE_UNCOMPARED = "Only the first 50 facts were compared with what is known."
_NOTE_KNOWN = "All of it was known already; nothing was stored."
_NOTE_CONFLICTS = (
    "`related` shows what the new facts contradict: both are kept. Ask the person, then send the right one as a fact "
    "with `replaces: [the other's id]`."
)


def add_memory(
    ctx: Context[Host],
    content: Annotated[str, Field(description="What was said, in plain text.")] = "",
    messages: Annotated[
        list[MessageArgument], FIRST_WRONG, Field(max_length=MAX_BATCH, description="A conversation, in order.")
    ] = [],  # noqa: B006 - the SDK reads it as the schema's default and never changes it
    facts: Annotated[
        list[FactArgument],
        FIRST_WRONG,
        Field(max_length=MAX_BATCH, description="What is worth remembering, one fact each."),
    ] = [],  # noqa: B006
    scope: ScopeName = "user",
    session_id: SessionId = "",
    metadata: Metadata = {},  # noqa: B006
    infer: Annotated[bool, Field(description="False stores the words only and asks for no facts.")] = True,
) -> Annotated[CallToolResult, AddReply]:
    """Remember something across conversations.

    Call it without being asked whenever the person tells something that will matter later: who they are, what
    they like, use, own, plan, decided, must avoid, or corrected you on; people and projects in their life;
    lessons learned. Do not store greetings, small talk, secrets like passwords, or what is true for this minute
    only.

    Best: send `facts`, each atomic (one thing), self-contained, in the third person, with absolute dates, in the
    person's own language; add the words they rest on as `content` or `messages` and quote them in `evidence`. "I
    moved from React to Vue last Monday" -> {"text": "Ana's project uses Vue", "valid_from": "2026-11-16",
    "evidence": "I moved from React to Vue", "replaces": [id of the React fact]}.

    The reply's `related` shows what is known about the same thing. If a new fact makes one of them untrue, send
    the fact again with `replaces: [its id]`: the old one stays in the history. If both can be true, leave them.
    Sending the same again is harmless (event NONE).

    With `content` or `messages` alone the words are kept, and this server draws facts from them itself if it has a
    model for it; the reply's `note` says what happened and what to do. Events: PENDING = kept, will be read later;
    SUSPECT = reads like a command or a credential, kept aside until the person confirms it: tell them.

    scope: user = about the person, kept; session = only for this conversation (needs session_id, expires); agent
    = lessons of your own work, shared by everyone you serve: never anything personal.
    """
    addition = addition_of(content=content, messages=messages, facts=facts, scope=scope, metadata=metadata, infer=infer)
    told = reporting(ctx, "messages read for facts")
    return _told(add(engine_of(ctx), caller_of(ctx, session_id), addition, progress=told))


def addition_of(
    *,
    content: str,
    messages: Sequence[MessageArgument],
    facts: Sequence[FactArgument],
    scope: str,
    metadata: Mapping[str, Any],
    infer: bool,
) -> Addition:
    """Return what to add, from arguments; `metadata` goes to each message and fact. Raises InvalidInput."""
    common = metadata_of(metadata)
    said = [_with(common, message.model_dump(exclude_unset=True)) for message in messages]
    spoken = [message_of(item, field=f"messages[{number}]") for number, item in enumerate(said)]
    if content:
        spoken.append(message_of({"content": content, "metadata": common}, field=""))
    return Addition(
        messages=spoken,
        facts=facts_of([_with(common, fact.model_dump(exclude_unset=True)) for fact in facts]),
        scope=scope_of(scope) or Scope.USER,
        compared=bool(content),
        infer=infer,
    )


def _with(common: Mapping[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "metadata": {**common, **item.get("metadata", {})}}


def added_reply(added: Added) -> dict[str, Any]:
    """Return what an add did, in the shape of `AddReply`, with every text whole."""
    shape = {
        "results": [outcome_shape(outcome) for outcome in added.outcomes],
        "related": [related_shape(hit) for hit in added.related],
        "note": _note(added),
    }
    return {name: value for name, value in shape.items() if value or name == "results"}


def _told(added: Added) -> CallToolResult:
    longest = LONG_CHARS if len(added.outcomes) <= _SHOWN_WHOLE else _SHORT_CHARS
    shape = added_reply(added)
    for name in ("results", "related"):
        if name in shape:
            shape[name] = [shortened(item, longest=longest) for item in shape[name]]
    results, related, note = shape["results"], shape.get("related"), shape.get("note")
    lines = [f"{item['event']} {memory_line(item)[2:]}" for item in results[:_SHOWN_WHOLE]]
    lines += [f"… and {len(results) - _SHOWN_WHOLE} more"] if len(results) > _SHOWN_WHOLE else []
    lines += ["Related:", *map(memory_line, related)] if related else []
    return reply(shape, [*lines, note] if note else lines)


def _note(added: Added) -> str:
    past = any(o.event is not Event.NONE and o.record.superseded_by for o in added.outcomes)
    known = bool(added.outcomes) and all(outcome.event is Event.NONE for outcome in added.outcomes)
    stored = any(outcome.event in {Event.ADD, Event.PENDING} for outcome in added.outcomes)
    notes = {
        _NOTE_KNOWN: known and added.left_out < len(added.outcomes),
        **dict.fromkeys(notes_of(added), True),
        (_NOTE_CONFLICTS if added.conflicting else _NOTE_RELATED): bool(added.related),
        _NOTE_PAST: past,
        _NOTE_UNCOMPARED: added.uncompared > 0,
        _NOTE_FACTS: added.unread and stored,
    }
    return " ".join(note for note, applies in notes.items() if note and applies)

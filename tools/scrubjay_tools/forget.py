"""The tool forget."""

from typing import Annotated

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from scrubjay.errors import InvalidInput
from scrubjay.inputs import scope_of
from scrubjay.journeys import forgetting
from scrubjay.recall.reply import memory_line
from scrubjay.results import GONE, receipt_shape, related_shape
from scrubjay.types import MAX_BATCH, Scope
from scrubjay_tools.arguments import FIRST_WRONG, ScopeName, SessionId
from scrubjay_tools.host import Host, caller_of, engine_of, reporting
from scrubjay_tools.replies import ForgetReply, reply, shortened

CONFIRMATION = "forget everything"
_WHOSE = {
    "user": "about you, sessions included",
    "session": "of this conversation",
    "agent": "that the assistant has learned",
}


class Consent(BaseModel):
    """The person's own answer."""

    sure: bool = Field(description="Yes, forget everything. It cannot be undone.")


def ask(
    ctx: Context[Host], everything: bool, scope: str, memory_ids: list[str], query: str
) -> Consent | Elicit[Consent]:
    """Ask the person before everything is forgotten, where their client can."""
    if not everything or memory_ids or query or not can_ask(ctx):
        return Consent(sure=False)
    return Elicit(f"Forget everything Scrubjay remembers {_WHOSE[scope]}? This cannot be undone.", Consent)


def can_ask(ctx: Context[Host]) -> bool:
    """Whether the client can show the person a form."""
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def forget(
    ctx: Context[Host],
    consent: Annotated[ElicitationResult[Consent], Resolve(ask)],
    memory_ids: Annotated[
        list[str], FIRST_WRONG, Field(max_length=MAX_BATCH, description="Ids of the memories to forget.")
    ] = [],  # noqa: B006
    query: Annotated[str, Field(description="Without ids: shows what could be meant and forgets nothing.")] = "",
    everything: Annotated[bool, Field(description="All memories of the scope.")] = False,
    scope: ScopeName = "user",
    session_id: SessionId = "",
    confirm: Annotated[
        str, Field(description="For everything, only after the person has said so: 'forget everything'.")
    ] = "",
) -> Annotated[CallToolResult, ForgetReply]:
    """Erase memories for good when the person asks to forget something.

    Every version goes, and the words they rest on; it cannot be undone. For a change of facts use add_memory with
    `replaces`, which keeps the history.

    First call it with `query` to see candidates, make sure which are meant, then call it with their `memory_ids`.
    `everything` erases all of a scope (user: all about the person, with their sessions and the lessons they taught);
    the person is asked, or has to have confirmed it in this conversation.
    """
    engine, caller = engine_of(ctx), caller_of(ctx, session_id)
    chosen, told = scope_of(scope) or Scope.USER, reporting(ctx, "steps of the erasure")
    if everything and (memory_ids or query):
        raise InvalidInput("everything", "does not go with memory_ids or query; nothing was forgotten")
    if everything:
        agreed = isinstance(consent, AcceptedElicitation) and consent.data.sure
        if can_ask(ctx) and not agreed:
            return reply({"forgotten": []}, ["The person did not agree; nothing was forgotten."])
        if not can_ask(ctx) and confirm.strip().casefold() != CONFIRMATION:
            raise InvalidInput("confirm", f"must be {CONFIRMATION!r}; ask the person first, nothing was forgotten")
        return _told(forgetting.forget_everything(engine, caller, chosen, told))
    if memory_ids:
        return _told(forgetting.forget(engine, caller, memory_ids, told))
    if not query:
        raise InvalidInput("memory_ids", "is empty; give ids, or a query to see candidates, or everything=true")
    candidates = [shortened(related_shape(hit)) for hit in forgetting.candidates(engine, caller, query, chosen)]
    lines = ["Nothing was forgotten. Candidates, to forget with memory_ids:", *map(memory_line, candidates)]
    nothing = ["Nothing was forgotten; nothing that fits is remembered."]
    return reply({"forgotten": [], "candidates": candidates}, lines if candidates else nothing)


def _told(receipt: forgetting.Receipt) -> CallToolResult:
    proof = receipt_shape(receipt)
    named = len(receipt.forgotten)
    line = f"Forgot {named} memories; {receipt.erased} went in all, with the words they rest on, at {proof['at']}."
    return reply({"forgotten": list(receipt.forgotten), "receipt": proof}, [line, *([GONE] if receipt.erased else [])])

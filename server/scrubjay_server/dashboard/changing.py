"""What a person changes on the page: forms that correct, confirm, restore and forget."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Form, HTTPException
from starlette.responses import RedirectResponse, Response

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.journeys.confirming import confirm as confirm_memory
from scrubjay.journeys.forgetting import Receipt
from scrubjay.journeys.forgetting import forget as forget_memories
from scrubjay.journeys.forgetting import forget_everything as forget_all
from scrubjay.journeys.listing import current_version
from scrubjay.journeys.restoring import restore_version
from scrubjay.journeys.surveying import survey
from scrubjay.journeys.updating import update
from scrubjay.types import MAX_BATCH, MemoryRecord, Scope
from scrubjay_server.dashboard.look import HOME
from scrubjay_server.dashboard.reading import MemoryId, memory_page, render
from scrubjay_server.dashboard.showing import shown
from scrubjay_server.dashboard.visiting import Changing, Visit
from scrubjay_tools.forget import CONFIRMATION

_NAMED = 50
_SEE_OTHER = 303

Ids = Annotated[list[str], Form(alias="id", max_length=MAX_BATCH)]


def correct(
    visit: Changing, memory_id: MemoryId, content: Annotated[str, Form()] = "", back: Annotated[str, Form()] = ""
) -> Response:
    """Correct the wording of a memory, and go back to where the person was."""
    text = content.replace("\r\n", "\n")  # forms send every line break so, whatever it was
    try:
        done = update(visit.engine, visit.caller, memory_id, text)
    except InvalidInput as error:
        problem = f"That could not be taken: it {str(error).removeprefix(error.field).strip()}."
        return memory_page(visit, memory_id, status=422, draft=text, problem=problem)
    said = "unchanged" if done.previous == done.record.text else "corrected"
    return go_back(back or f"{HOME}/memories/{memory_id}", said, at=f"m-{memory_id}")


def confirm(visit: Changing, memory_id: MemoryId) -> Response:
    """Let a suspect memory count."""
    confirm_memory(visit.engine, visit.caller, memory_id)
    return go_back(f"{HOME}/waiting", "confirmed")


def restore(visit: Changing, memory_id: MemoryId, version: Annotated[int, Form()]) -> Response:
    """Let what an older version said hold again."""
    restore_version(visit.engine, visit.caller, memory_id, version)
    return go_back(f"{HOME}/memories/{memory_id}", "restored")


def ask_to_forget(visit: Changing, ids: Ids = [], back: Annotated[str, Form()] = "") -> Response:  # noqa: B006
    """Show what is about to be forgotten, and ask whether that is meant."""
    if not ids:
        raise HTTPException(422, "Nothing was ticked, so nothing is to be forgotten. Go back and tick what should go.")
    records = _known(visit, ids[:_NAMED])
    if not records:
        raise MemoryNotFound(ids[0])
    here = inside(back) or HOME
    more = max(len(ids) - _NAMED, 0)
    return render(visit, "forget.html", here="known", ids=ids, memories=shown(visit, records), more=more, back=here)


def forget(visit: Changing, ids: Ids = []) -> Response:  # noqa: B006 - the framework's way to say it
    """Forget what was shown, and show the receipt."""
    return _receipt(visit, forget_memories(visit.engine, visit.caller, ids))


def forget_everything(visit: Changing, confirmation: Annotated[str, Form()] = "") -> Response:
    """Forget everything about the person who has typed that they mean it, and show the receipt."""
    if confirmation.strip().casefold() != CONFIRMATION:
        found = survey(visit.engine, visit.caller)
        problem = f"Nothing was forgotten. To go on, type “{CONFIRMATION}” into the field."
        return render(visit, "data.html", here="data", status=422, survey=found, problem=problem)
    return _receipt(visit, forget_all(visit.engine, visit.caller, Scope.USER))


def go_back(place: str, said: str, *, at: str = "") -> Response:
    """Return what leads to a page of ours with a notice on it."""
    parts = urlsplit(inside(place) or HOME)
    kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith("done=")]
    query = "&".join([*kept, urlencode({"done": said})])
    return RedirectResponse(f"{parts.path}?{query}{f'#{at}' if at else ''}", _SEE_OTHER)


def inside(place: str) -> str:
    """Return a path within the page, "" for anything that leads elsewhere."""
    parts = urlsplit(place)
    is_ours = parts.path == HOME or parts.path.startswith(f"{HOME}/")
    is_plain = place.isascii() and place.isprintable() and "\\" not in place and ".." not in parts.path
    return f"{parts.path}?{parts.query}" if is_ours and is_plain and not (parts.scheme or parts.netloc) else ""


def _known(visit: Visit, ids: Sequence[str]) -> list[MemoryRecord]:
    records = []
    for memory_id in dict.fromkeys(ids):
        with suppress(MemoryNotFound):
            records.append(current_version(visit.engine, visit.caller, memory_id))
    return records


def _receipt(visit: Visit, receipt: Receipt) -> Response:
    return render(visit, "receipt.html", here="known", receipt=receipt)

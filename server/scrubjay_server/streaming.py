"""Everything that is held about a person, sent as JSON Lines while it is read."""

from collections.abc import Iterator
from itertools import chain, islice

from starlette.responses import StreamingResponse

from scrubjay.results import held_line
from scrubjay.types import MemoryRecord

JSON_LINES = "application/x-ndjson"
_LINES_AT_ONCE = 64


def streamed(held: Iterator[MemoryRecord]) -> StreamingResponse:
    """Return the answer with these records; what raises before the first of them, raises here."""
    first = list(islice(held, 1))
    return StreamingResponse(json_lines(chain(first, held)), media_type=JSON_LINES)


def json_lines(records: Iterator[MemoryRecord]) -> Iterator[str]:
    """Return records as lines of JSON, some lines at a time, reading no further than it is asked to."""
    while some := list(islice(records, _LINES_AT_ONCE)):
        yield "".join(map(held_line, some))

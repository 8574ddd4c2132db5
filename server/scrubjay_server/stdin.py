"""Standard input whose every request can be answered: the SDK drops a line that it cannot read, and clients wait."""

import io
import json
import re
from typing import BinaryIO

from mcp.types import jsonrpc_message_adapter

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_VALUE = re.compile(rb'\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)')


class ReadableLines(io.RawIOBase):
    """The lines of `source`, each one readable or replaced by one that is.

    Half a surrogate pair (JavaScript writes it for a text cut inside an emoji) becomes U+FFFD, as browsers do. A
    request that still cannot be read (nested too deep, a number of thousands of digits) becomes one for a method that
    does not exist, whose name says why: so it is refused with its id instead of never being answered.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Whether there is anything to read: always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what io really passes
        """Fill the buffer with what is left of a line, or with the next one; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(readable_line(self._source.readline()))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def readable_line(line: bytes) -> bytes:
    """Return a JSON-RPC line that the SDK can read; one without an id, to which no answer is due, stays as it is."""
    body = line.rstrip(b"\r\n")
    line = body.replace(b"\r", b" ") + line[len(body) :]  # the SDK would cut there; JSON has it between values only
    if not body or is_readable(line):
        return line
    mended = _without_half_pairs(line)
    if is_readable(mended):
        return mended
    request_id = _request_id(line)
    if request_id is None:
        return line
    reason = b"(this request cannot be read: it is no JSON-RPC, nested too deep, or has a number of too many digits)"
    return b'{"jsonrpc":"2.0","id":%s,"method":"%s"}\n' % (request_id, reason)


def _request_id(line: bytes) -> bytes | None:
    """Return the id of the request itself, as it is written, and not one within its arguments."""
    depth = 0
    for token in _TOKEN.finditer(line):
        word = token.group()
        if word == b'"id"' and depth == 1 and (found := _VALUE.match(line, token.end())):
            return found.group(1)
        depth += (word in b"{[") - (word in b"}]")
    return None


def is_readable(line: bytes) -> bool:
    """Whether the SDK can read this as a JSON-RPC message."""
    try:
        jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return False
    return True


def _without_half_pairs(line: bytes) -> bytes:
    try:
        text = json.dumps(json.loads(line), ensure_ascii=False)
    except (ValueError, RecursionError):
        return line
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode() + b"\n"

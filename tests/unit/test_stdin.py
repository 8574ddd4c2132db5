import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay_server.stdin import ReadableLines, readable_line

DEEP = "[" * 3000 + "]" * 3000


@given(st.lists(st.text(max_size=200), max_size=5))
def test_lines_that_can_be_read_come_through_unchanged(texts: list[str]) -> None:
    requests = [{"jsonrpc": "2.0", "id": n, "method": "x", "params": {"t": text}} for n, text in enumerate(texts)]
    given_bytes = b"".join(json.dumps(request, ensure_ascii=False).encode() + b"\n" for request in requests)
    read = io.TextIOWrapper(io.BufferedReader(ReadableLines(io.BytesIO(given_bytes))), encoding="utf-8", newline="\n")
    assert [json.loads(line) for line in read] == requests


@pytest.mark.parametrize(
    ("line", "answered"),
    [
        ('{"id":7,"params":{"d":%s}}', 7),
        ('{"method":"x","params":{"metadata":{"id":77,"s":"\\"id\\":78 }"},"d":%s},"jsonrpc":"2.0","id":7}', 7),
        ('{"method":"x","params":{"id":77,"d":%s},"jsonrpc":"2.0","id":"a b"}', "a b"),
    ],
)
def test_what_cannot_be_read_is_refused_under_its_own_id(line: str, answered: object) -> None:
    made = json.loads(readable_line(line.replace("%s", DEEP).encode() + b"\n"))
    assert made["id"] == answered
    assert "cannot be read" in made["method"]


def test_what_expects_no_answer_gets_none() -> None:
    for line in (b"nonsense\n", b"\n", f'{{"method":"x","params":{{"id":77,"d":{DEEP}}}}}\n'.encode()):
        assert readable_line(line) == line


def test_a_carriage_return_between_values_does_not_cut_the_line() -> None:
    mended = readable_line(b'{"jsonrpc":"2.0",\r"id":4,"method":"ping"}\r\n')
    assert mended == b'{"jsonrpc":"2.0", "id":4,"method":"ping"}\r\n'

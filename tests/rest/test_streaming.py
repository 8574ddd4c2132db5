"""The stream of everything held: read as the client reads, and never whole by mistake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np
import pytest

from engines import engine_over, memory_id
from people import on_a_socket
from records import ANA, record
from scrubjay.errors import StoreError
from scrubjay.stores.in_memory import InMemoryStore
from scrubjay.types import Filter, MemoryRecord, Owner, Position
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens

PAGES, ON_A_PAGE = 5, 1_000
LONG = "a word " * 4_000  # all rows of it are more than the buffers between server and client hold
LETTERS = str.maketrans("0123456789", "abcdefghij")


class Paged(InMemoryStore):
    """A store that counts the pages it gives, and may fail at one."""

    def __init__(self, *, fails_at: int = 0) -> None:
        super().__init__()
        self.pages = 0
        self._fails_at = fails_at

    def find(
        self, owner: Owner, where: Filter, *, limit: int | None = None, after: Position | None = None
    ) -> list[MemoryRecord]:
        self.pages += 1
        if self.pages == self._fails_at:
            raise StoreError("the disk is gone")
        return super().find(owner, where, limit=limit, after=after)


@contextmanager
def served_from(store: InMemoryStore, folder: Path) -> Iterator[str]:
    rows = [
        record(memory_id(f"{number:05}".translate(LETTERS)), LONG, written_by="ana")
        for number in range(PAGES * ON_A_PAGE)
    ]
    store.write(ANA, inserted=rows, vectors=np.zeros((len(rows), 4), dtype=np.float32), replaced=[])
    engine = engine_over(store)
    settings = Settings(data_dir=folder, user_id="ana")
    with on_a_socket(
        build_app(settings, lambda: engine, identities=Identities(settings, Tokens(settings.tokens_path)))
    ) as url:
        yield f"{url}/api/v1/users/ana/memories"


def test_no_more_is_read_than_the_client_takes(tmp_path: Path) -> None:
    store = Paged()
    with served_from(store, tmp_path) as url, httpx2.stream("GET", url) as answer:
        next(answer.iter_lines())
        assert store.pages < PAGES


def test_who_leaves_in_the_middle_keeps_no_turn(tmp_path: Path) -> None:
    turns_and_one_more = 17
    with served_from(Paged(), tmp_path) as url:
        for _ in range(turns_and_one_more):
            with httpx2.stream("GET", url) as answer:
                next(answer.iter_lines())
        assert httpx2.get(f"{url}?x=1").status_code == 422


@pytest.mark.parametrize("page", [2, PAGES])
def test_a_stream_that_breaks_off_is_no_whole_answer(tmp_path: Path, page: int) -> None:
    with served_from(Paged(fails_at=page), tmp_path) as url, httpx2.stream("GET", url) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError):
            for _ in answer.iter_bytes():
                pass


def test_a_stream_that_cannot_begin_is_a_problem(tmp_path: Path) -> None:
    with served_from(Paged(fails_at=1), tmp_path) as url:
        answer = httpx2.get(url)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the disk is gone"

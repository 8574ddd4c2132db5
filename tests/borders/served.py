"""The real server on a loopback port, with the people in it, and what it keeps of each."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from borders.people import BEGUN, PEOPLE, Person, Planted, plant
from clock import Clock
from people import on_a_socket
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.journeys.engine import Engine
from scrubjay.rights import Right
from scrubjay.types import Owner
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens

Files = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server at work: where it listens, what it works with, and the people's tokens."""

    url: str
    folder: Path
    engine: Engine
    clock: Clock
    tokens: Tokens
    planted: dict[Person, Planted]
    token_by_person: dict[Person, str]

    def token(
        self, person: Person, *, rights: frozenset[Right] | None = None, lifetime: timedelta | None = None
    ) -> str:
        """Return a new token of a person."""
        granted = person.rights if rights is None else rights
        text, _ = self.tokens.create(tenant=person.tenant, user_id=person.user_id, scopes=granted, lifetime=lifetime)
        return text

    def files(self, of: Collection[Owner]) -> Files:
        """Return every file about some owners with its size and when it was written, and the tables there are."""
        digests = {owner.digest for owner in of}
        found: Files = {f"table {path.stem}": (0, 0) for path in (self.folder / "memories").iterdir()}
        for path in self.folder.rglob("*"):
            parts = path.relative_to(self.folder).parts
            if parts[0] == "locks" or path.is_dir() or not digests & {part.partition(".")[0] for part in parts}:
                continue
            status = path.stat()
            found["/".join(parts)] = (status.st_size, status.st_mtime_ns)
        return found


@contextmanager
def served(folder: Path, embedder: FastembedEmbedder, *, people: tuple[Person, ...] = PEOPLE) -> Iterator[Served]:
    """Run a server over a new data folder until the block ends."""
    clock = Clock(BEGUN)
    settings = Settings(data_dir=folder, user_id="local-person", rate_per_minute=1_000_000, log_level="WARNING")
    tokens = Tokens(settings.tokens_path, now=clock.now)
    with Memory(folder, embedder=embedder, extractor="none", maintenance=False) as memory:
        planted = _planted(replace(memory.engine, now=clock.now), clock, people)
    with Memory(folder, embedder=embedder, extractor="none", maintenance=False) as memory:  # nothing is left to be done
        engine = replace(memory.engine, now=clock.now)
        app = build_app(settings, lambda: engine, identities=Identities(settings, tokens))
        with on_a_socket(app) as url:
            done = Served(
                url=url,
                folder=folder,
                engine=engine,
                clock=clock,
                tokens=tokens,
                planted=planted,
                token_by_person={},
            )
            done.token_by_person.update((person, done.token(person)) for person in people)
            yield done


def _planted(engine: Engine, clock: Clock, people: Collection[Person]) -> dict[Person, Planted]:
    planted = {}
    for person in people:
        planted[person] = plant(engine, person)
        clock.forward(timedelta(minutes=5))
    for owner in engine.store.owners():
        engine.store.maintain(owner)
    return planted

"""The real server on a loopback port, with the people in it, and what it keeps of each."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from clock import Clock
from isolation.people import BEGUN, PEOPLE, Person, Planted, plant
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.journeys.engine import Engine
from scrubjay.rights import Right
from scrubjay.types import Filter, MemoryRecord, Owner, Scope
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens

State = dict[Owner, list[MemoryRecord]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server at work: where it listens, what it works with, and the people's tokens."""

    url: str
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
        text, _ = self.tokens.create(
            tenant=person.tenant, user_id=person.user_id, scopes=granted, lifetime=lifetime
        )
        return text

    def state(self, *, without: Person | None = None) -> State:
        """Return all there is of everybody, in every version, but for one person's own."""
        owners = self.engine.store.owners()
        own = without.caller().owner_of(Scope.USER) if without else None
        return {owner: self.engine.store.find(owner, Filter()) for owner in owners if owner != own}


@contextmanager
def served(folder: Path, embedder: FastembedEmbedder, *, people: tuple[Person, ...] = PEOPLE) -> Iterator[Served]:
    """Run a server over a new data folder until the block ends."""
    clock = Clock(BEGUN)
    settings = Settings(data_dir=folder, user_id="local-person", rate_per_minute=1_000_000, log_level="WARNING")
    tokens = Tokens(settings.tokens_path, now=clock.now)
    with Memory(folder, embedder=embedder, extractor="none", maintenance=False) as memory:
        engine = replace(memory.engine, now=clock.now)
        planted = {}
        for person in people:
            planted[person] = plant(engine, person)
            clock.forward(timedelta(minutes=5))
        app = build_app(settings, lambda: engine, identities=Identities(settings, tokens))
        with listening(app) as url:
            done = Served(
                url=url, engine=engine, clock=clock, tokens=tokens, planted=planted, token_by_person={}
            )
            done.token_by_person.update((person, done.token(person)) for person in people)
            yield done


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve an application on a loopback port until the block ends, and give its URL."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()

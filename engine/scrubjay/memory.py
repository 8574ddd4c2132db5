"""Memory: the façade, one method per verb, with Mem0's signatures and shapes."""

import secrets
import string
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scrubjay.config import ChosenExtractor, above_zero, extractor_of, ranking_of, refuse_unknown, section
from scrubjay.embedding.bert import count_tokens
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.errors import InvalidInput
from scrubjay.inputs import ALL_SCOPES, entity_of, facts_of, listing_of, messages_of, metadata_of, question_of, scope_of
from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.confirming import confirm
from scrubjay.journeys.engine import Engine, Reading
from scrubjay.journeys.extracting import extract_everything
from scrubjay.journeys.forgetting import Receipt, forget, forget_everything
from scrubjay.journeys.graphing import graph
from scrubjay.journeys.listing import current_version, history, list_memories
from scrubjay.journeys.maintaining import Maintenance
from scrubjay.journeys.searching import search
from scrubjay.journeys.updating import update
from scrubjay.moments import last_instant
from scrubjay.ports import Embedder, Extractor, MemoryStore
from scrubjay.recall.weights import Ranking
from scrubjay.results import (
    Results,
    added_shape,
    graph_shape,
    history_shape,
    hit_shape,
    memory_shape,
    receipt_shape,
    tally_shape,
)
from scrubjay.stores.in_memory import InMemoryStore
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Caller, FactDraft, Scope

SESSION_TTL = timedelta(hours=24)
EXTRACT_TIMEOUT_S, ADD_WAIT_S, EXTRACT_WAIT_S = 30.0, 8.0, 60.0
_ID_ALPHABET = string.ascii_lowercase + "234567"
_ID_TOKEN_CHARS = 10
_SETTINGS = (
    "vector_store", "embedder", "llm", "tenant", "session_ttl_hours", "extract_timeout_s", "add_wait_s", "ranking",
)  # fmt: skip
_OWNERS = ("user_id", "agent_id", "run_id")
_READERS = 32  # threads that mostly wait, for a model or for whoever reads the same person's words
_HELPERS = 4  # threads that make a query's vector while its words are looked for


class Memory:
    """Persistent memory for people, agents and sessions. Thread-safe; a context manager.

    Without arguments: LanceDB in the user's data directory and the bundled embedding model, with no key and no
    network. `extractor` reads what was said for facts: "auto" is Claude if its SDK finds a key, else nobody ("none");
    "claude", "openai" (with `model`, if not their usual one), or one of your own. An add waits `add_wait_s` for it,
    one reading takes `extract_timeout_s` at most, and what is not read by then is read in the background. Whose
    memory a call means is said by `user_id`, else `agent_id`, else `run_id` (the session); a call without any is
    refused with OwnerRequired. `ranking` holds the weights of search's signals. With `maintenance` a thread erases what
    has expired and finishes erasures that a kill interrupted. Dates are ISO 8601; a date alone means the whole UTC day.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        store: MemoryStore | None = None,
        embedder: Embedder | None = None,
        tenant: str = "local",
        session_ttl: timedelta = SESSION_TTL,
        origin: str = "library",
        extractor: Extractor | str = "auto",
        model: str = "",
        extract_timeout_s: float = EXTRACT_TIMEOUT_S,
        add_wait_s: float = ADD_WAIT_S,
        ranking: Ranking | None = None,
        maintenance: bool = True,
    ) -> None:
        self._extractor = ChosenExtractor(extractor, model=model)
        self._background = ThreadPoolExecutor(_READERS, thread_name_prefix="scrubjay-extraction")
        self._helpers = ThreadPoolExecutor(_HELPERS, thread_name_prefix="scrubjay-search")
        self.embedder: Embedder = embedder or FastembedEmbedder()
        self._tenant = tenant
        self._origin = origin
        self.engine = Engine(
            store=store or self._embedded_store(path),
            embedder=self.embedder,
            count_tokens=count_tokens,
            now=lambda: datetime.now(UTC),
            new_token=lambda: "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_TOKEN_CHARS)),
            session_ttl=session_ttl,
            tenant=tenant,
            reading=Reading(
                extractor=self._extractor,
                background=self._background,
                end=self._extractor.close,
                timeout_s=extract_timeout_s,
                wait_s=add_wait_s,
            ),
            ranking=ranking or Ranking(),
            helpers=self._helpers,
        )
        self._maintenance = Maintenance(self.engine)
        if maintenance:
            self._maintenance.start()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build from Mem0's form: `vector_store`, `embedder` and `llm`, each with `provider` and `config`.

        Providers: vector_store `lancedb` (config: path) or `in_memory`; embedder `fastembed` (config: model); llm
        `anthropic` or `openai` (config: model, api_key, base_url) or `none`, by default Claude if there is a key. Also
        `tenant`, `session_ttl_hours`, `extract_timeout_s`, `add_wait_s`, and `ranking`: weights of search's signals by
        name (0 turns one off). Raises ConfigurationError for anything else, by name.
        """
        refuse_unknown(config, _SETTINGS, where="config")
        _, embedding = section(config, "embedder", {"fastembed": ("model",)})
        provider, storage = section(config, "vector_store", {"lancedb": ("path",), "in_memory": ()})
        hours = above_zero(config, "session_ttl_hours", default=SESSION_TTL / timedelta(hours=1))
        return cls(
            storage.get("path"),
            store=InMemoryStore() if provider == "in_memory" else None,
            embedder=FastembedEmbedder(embedding.get("model") or ""),
            tenant=config.get("tenant", "local"),
            session_ttl=timedelta(hours=hours),
            extractor=extractor_of(config),
            extract_timeout_s=above_zero(config, "extract_timeout_s", default=EXTRACT_TIMEOUT_S),
            add_wait_s=above_zero(config, "add_wait_s", default=ADD_WAIT_S),
            ranking=ranking_of(config.get("ranking") or {}),
        )

    def add(
        self,
        messages: str | Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
        *,
        user_id: str = "",
        agent_id: str = "",
        run_id: str = "",
        metadata: Mapping[str, Any] | None = None,
        infer: bool = True,
        facts: Sequence[Mapping[str, Any] | FactDraft] = (),
        scope: str = "",
    ) -> Results:
        """Remember what was said (`messages`), and `facts` that somebody drew from it; all or nothing.

        A message has `content` and, if known, `role`, `name`, `time` and `metadata`; a fact has `text` and, if known,
        `category`, `entities`, `relations`, `evidence`, `occurred_at`, `valid_from`, `expires_at`, `importance`,
        `replaces` and `metadata`. `scope` is `session` when a run_id is given, else that of the owner. Returns one
        result per message and fact, in order, with its `event`: ADD, UPDATE, NONE for what was known already and for
        small talk, SUSPECT for what is kept aside. With an extractor and without `facts`, the messages are read for
        facts and the results are those facts; a message that is still to be read is there as PENDING. `infer=False`
        stores the words only, small talk too.
        """
        caller = self._caller(user_id, agent_id, run_id)
        common = metadata_of(metadata or {})
        chosen = scope_of(scope) or (Scope.SESSION if run_id else caller.home.scope)
        addition = Addition(
            messages=messages_of(_with_metadata(messages, common)),
            facts=[_fact_with_metadata(draft, common) for draft in facts_of(facts)],
            scope=chosen,
            compared=isinstance(messages, str),
            infer=infer,
        )
        return added_shape(add(self.engine, caller, addition))

    def search(
        self,
        query: str,
        *,
        user_id: str = "",
        agent_id: str = "",
        run_id: str = "",
        limit: int = 10,
        filters: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
        scope: str = ALL_SCOPES,
        category: str = "",
        metadata: Mapping[str, Any] | None = None,
        since: str | datetime = "",
        until: str | datetime = "",
        as_of: str | datetime = "",
        min_score: float = 0.0,
        entity: str = "",
        top_k: int | None = None,
        threshold: float | None = None,
    ) -> Results:
        """Return the memories that answer a query, best first, with a `score` in [0, 1].

        `filters` may name the owner and metadata, as in Mem0; `top_k` and `threshold` are its later names for `limit`
        and `min_score`. `as_of` asks what was true then, `entity` only for what is about a person or thing, by name.
        """
        owners, wanted = _split_filters(filters, {"user_id": user_id, "agent_id": agent_id, "run_id": run_id})
        question = question_of(
            query,
            limit=limit if top_k is None else top_k,
            max_tokens=max_tokens,
            scope=scope,
            category=category,
            metadata={**wanted, **(metadata or {})},
            since=since,
            until=until,
            as_of=as_of,
            min_score=min_score if threshold is None else threshold,
            entity=entity,
        )
        found = search(self.engine, self._caller(*owners), question)
        results = [hit_shape(hit) for hit in found.hits]
        if max_tokens is None:
            return Results(results=results)
        return Results(results=results, tokens=found.tokens, left_out=found.left_out)

    def get(self, memory_id: str) -> dict[str, Any]:
        """Return one memory as it is now; raises MemoryNotFound."""
        return memory_shape(current_version(self.engine, None, memory_id))

    def get_all(
        self,
        *,
        user_id: str = "",
        agent_id: str = "",
        run_id: str = "",
        limit: int = 100,
        filters: Mapping[str, Any] | None = None,
        scope: str = ALL_SCOPES,
        category: str = "",
        metadata: Mapping[str, Any] | None = None,
        state: str = "",
        cursor: str = "",
        as_of: str | datetime = "",
        include_superseded: bool = False,
        entity: str = "",
        top_k: int | None = None,
    ) -> Results:
        """Return current memories, newest first, with `total` and a cursor: facts, and episodes no fact rests on."""
        owners, wanted = _split_filters(filters, {"user_id": user_id, "agent_id": agent_id, "run_id": run_id})
        listing = listing_of(
            scope=scope,
            category=category,
            metadata={**wanted, **(metadata or {})},
            state=state,
            limit=limit if top_k is None else top_k,
            cursor=cursor,
            as_of=as_of,
            include_superseded=include_superseded,
            entity=entity,
        )
        page = list_memories(self.engine, self._caller(*owners), listing)
        shapes = [memory_shape(shown_memory.record) for shown_memory in page.memories]
        return Results(results=shapes, total=page.total, next_cursor=page.next_cursor)

    def graph(
        self,
        *,
        user_id: str = "",
        agent_id: str = "",
        run_id: str = "",
        entity: str = "",
        as_of: str | datetime = "",
    ) -> dict[str, Any]:
        """Return the entities and relations in the owner's facts: `{"entities": [...], "relations": [...]}`.

        They are the person's (with `run_id` that session's, too), else the agent's, else the session's. `as_of` asks
        what was true then, `entity` only for one entity's relations, by any of its names.
        """
        caller, then = self._caller(user_id, agent_id, run_id), last_instant(as_of, field="as_of")
        return graph_shape(graph(self.engine, caller, entity=entity_of(entity), as_of=then))

    def update(self, memory_id: str, data: str) -> dict[str, Any]:
        """Correct what a memory says; the old text stays in its history. Raises MemoryNotFound."""
        correction = update(self.engine, None, memory_id, data)
        return {
            "message": "Memory updated successfully!",
            "id": memory_id,
            "memory": correction.record.text,
            "previous": correction.previous,
            "version": correction.record.version,
        }

    def delete(self, memory_id: str) -> dict[str, Any]:
        """Forget one memory, every version and byte of it; an unknown id is nothing to forget."""
        return _receipt_shape(forget(self.engine, None, [memory_id]))

    def delete_all(self, *, user_id: str = "", agent_id: str = "", run_id: str = "") -> dict[str, Any]:
        """Forget everything of a person (their sessions too), of an agent, or of one session."""
        caller = self._caller(user_id, agent_id, run_id)
        scope = Scope.SESSION if run_id else caller.home.scope
        return _receipt_shape(forget_everything(self.engine, caller, scope))

    def reset(self, *, user_id: str = "", agent_id: str = "", run_id: str = "") -> dict[str, Any]:
        """Forget everything of an owner, like `delete_all`; there is no reset of everybody."""
        return self.delete_all(user_id=user_id, agent_id=agent_id, run_id=run_id)

    def history(self, memory_id: str) -> list[dict[str, Any]]:
        """Return the versions of a memory and what it superseded, oldest first; raises MemoryNotFound."""
        return history_shape(history(self.engine, None, memory_id))

    def extract(self) -> dict[str, Any]:
        """Read everything that is pending for facts, now, whatever failed before; returns how much was read."""
        reading = self._background.submit(extract_everything, self.engine, most_attempts=None, wait_s=EXTRACT_WAIT_S)
        return tally_shape(reading.result())

    def confirm(self, memory_id: str) -> dict[str, Any]:
        """Let a suspect memory count like any other, because a person says so; raises MemoryNotFound."""
        return memory_shape(confirm(self.engine, None, memory_id))

    def close(self) -> None:
        """End what is being read (it stays pending) and let go of the store."""
        self._maintenance.stop()
        self._extractor.close()
        self._background.shutdown(cancel_futures=True)
        self._helpers.shutdown()
        self.engine.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _embedded_store(self, path: str | Path | None) -> MemoryStore:
        folder = Path(path).expanduser() if path else default_folder()
        return LanceDBStore(folder, embedding=self.embedder.signature, dimension=self.embedder.dimension)

    def _caller(self, user_id: str, agent_id: str, run_id: str) -> Caller:
        return Caller(
            tenant=self._tenant,
            user_id=user_id or "",
            agent_id=agent_id or "",
            session_id=run_id or "",
            written_by=user_id or "",
            origin=self._origin,
        )


def default_folder() -> Path:
    """Return the data folder of this system's user, which the server and the library share."""
    from platformdirs import user_data_path

    return user_data_path("scrubjay", appauthor=False)


def _split_filters(
    filters: Mapping[str, Any] | None, owners: Mapping[str, str]
) -> tuple[tuple[str, str, str], dict[str, Any]]:
    """Return the owner that arguments and Mem0's `filters` name together, and what is left to compare metadata with.

    Raises InvalidInput when the two contradict each other, and for operators: filters compare by equality.
    """
    given = dict(filters or {})
    named = []
    for name in _OWNERS:
        also = given.pop(name, "") or ""
        if also and owners[name] and also != owners[name]:
            raise InvalidInput("filters", f"names another {name} than the argument; give one of them")
        named.append(owners[name] or also)
    for name, value in given.items():
        if name in {"AND", "OR", "NOT"} or isinstance(value, dict):
            raise InvalidInput("filters", f"compares by equality; {name!r} asks for more. Filter the results instead")
    return (named[0], named[1], named[2]), given


def _with_metadata(
    messages: str | Mapping[str, Any] | Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    """Return the messages with the metadata of the whole call; what is no message is left for `messages_of` to name."""
    if isinstance(messages, str):
        return [{"content": messages, "metadata": common}]
    listed = [messages] if isinstance(messages, Mapping) else messages
    return [_one_with_metadata(item, common) for item in listed] if isinstance(listed, list | tuple) else listed


def _one_with_metadata(item: Any, common: Mapping[str, Any]) -> Any:  # whatever the caller sent
    if not isinstance(item, Mapping) or not isinstance(item.get("metadata") or {}, Mapping):
        return item
    return {**item, "metadata": {**common, **(item.get("metadata") or {})}}


def _fact_with_metadata(draft: FactDraft, common: Mapping[str, Any]) -> FactDraft:
    return replace(draft, metadata={**common, **draft.metadata})


def _receipt_shape(receipt: Receipt) -> dict[str, Any]:
    told = {"message": "Memories deleted successfully!", "forgotten": list(receipt.forgotten)}
    return {**told, **receipt_shape(receipt)}

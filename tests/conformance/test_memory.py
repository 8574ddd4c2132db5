"""The library: Mem0's methods and shapes over the real LanceDB."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lancedb
import pytest

from scrubjay import (
    ConfigurationError,
    EmbeddingMismatch,
    InvalidInput,
    Memory,
    MemoryNotFound,
    OwnerRequired,
    ScrubjayError,
    StoreError,
)
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.types import Owner, Scope


def texts(results: Any) -> list[str]:
    return [hit["memory"] for hit in results]


def test_code_of_both_of_mem0s_generations_reads_the_results(memory: Memory) -> None:
    memory.add([{"role": "user", "content": "I like tea"}, {"role": "assistant", "content": "Noted"}], user_id="ana")
    found = memory.search("tea", user_id="ana")
    assert found["results"][0]["memory"] == found[0]["memory"] == next(iter(found))["memory"] == "I like tea"
    assert len(found) == len(found["results"]) == 2
    assert [hit["id"] for hit in found[:1]] == [found[0]["id"]]
    assert json.loads(json.dumps(found)) == dict(found.items())
    assert memory.search("tea", filters={"user_id": "ana"}, top_k=1)["results"] == found["results"][:1]
    assert memory.search("opera singers", user_id="ana", threshold=0.9)["results"] == []
    assert {"id", "memory", "score", "created_at", "updated_at", "metadata", "hash", "user_id"} <= found[0].keys()


def test_every_verb_works_on_what_was_added(memory: Memory) -> None:
    added = memory.add("I use a MacBook Pro M3", user_id="ana", metadata={"source": "chat"}, infer=False)
    memory_id = added["results"][0]["id"]
    assert added["results"][0]["event"] == "ADD"
    assert memory.get(memory_id)["memory"] == "I use a MacBook Pro M3"
    assert memory.get(memory_id)["metadata"] == {"source": "chat"}
    assert texts(memory.get_all(user_id="ana", filters={"source": "chat"})) == ["I use a MacBook Pro M3"]
    assert texts(memory.get_all(user_id="ana", filters={"source": "mail"})) == []
    updated = memory.update(memory_id=memory_id, data="I use a MacBook Pro M4")
    assert (updated["previous"], updated["version"]) == ("I use a MacBook Pro M3", 2)
    changes = [(c["event"], c["old_memory"], c["new_memory"]) for c in memory.history(memory_id=memory_id)]
    assert changes == [
        ("ADD", None, "I use a MacBook Pro M3"),
        ("UPDATE", "I use a MacBook Pro M3", "I use a MacBook Pro M4"),
    ]
    assert memory.delete(memory_id=memory_id)["forgotten"] == [memory_id]
    with pytest.raises(MemoryNotFound):
        memory.get(memory_id)


def test_a_call_without_an_owner_is_refused(memory: Memory) -> None:
    calls: list[Any] = [
        lambda: memory.add("x"),
        lambda: memory.search("x"),
        memory.get_all,
        memory.delete_all,
        memory.reset,
    ]
    for call in calls:
        with pytest.raises(OwnerRequired, match="pass user_id, agent_id or run_id"):
            call()


@pytest.mark.promise("sessions")
def test_a_run_sees_the_users_memories_and_its_own(memory: Memory) -> None:
    memory.add("Lasting", user_id="ana")
    memory.add("In the run", user_id="ana", run_id="r")
    memory.add("In another run", user_id="ana", run_id="q")
    assert texts(memory.search("x", user_id="ana")) == ["Lasting"]
    assert sorted(texts(memory.search("x", user_id="ana", run_id="r"))) == ["In the run", "Lasting"]
    assert memory.delete_all(user_id="ana", run_id="q")["erased"] == 1
    assert memory.delete_all(user_id="ana")["erased"] == 2
    assert memory.get_all(user_id="ana", run_id="r")["total"] == 0


@pytest.mark.promise("isolation")
def test_users_agents_and_runs_are_owners_of_their_own(memory: Memory) -> None:
    memory.add("user's", user_id="x")
    memory.add("agent's", agent_id="x")
    memory.add("run's", run_id="x")
    assert texts(memory.get_all(user_id="x")) == ["user's"]
    assert texts(memory.get_all(agent_id="x")) == ["agent's"]
    assert texts(memory.get_all(run_id="x")) == ["run's"]
    assert memory.get_all(user_id="y")["total"] == 0
    assert texts(memory.get_all(user_id="x", agent_id="x")) == ["agent's", "user's"]
    for scope in ({"agent_id": "x", "scope": "user"}, {"run_id": "x", "scope": "agent"}):
        with pytest.raises(InvalidInput, match="is needed for scope"):
            memory.add("nowhere", **scope)


@pytest.mark.promise("isolation")
def test_tenants_are_apart(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    with (
        Memory(tmp_path, embedder=embedder, tenant="one") as one,
        Memory(tmp_path, embedder=embedder, tenant="two") as two,
    ):
        one.add("secret of one", user_id="ana")
        assert two.get_all(user_id="ana")["total"] == 0
        assert two.search("secret", user_id="ana")["results"] == []


def test_each_messages_metadata_comes_back_with_its_memory(memory: Memory) -> None:
    memory.add(
        [{"content": "one", "metadata": {"n": 1}}, {"content": "two", "name": "Ana", "time": "2026-01-02"}],
        user_id="ana",
        metadata={"batch": "b"},
    )
    by_text = {hit["memory"]: hit for hit in memory.get_all(user_id="ana")}
    assert by_text["one"]["metadata"] == {"batch": "b", "n": 1}
    assert by_text["two"]["metadata"] == {"batch": "b"}
    assert by_text["two"]["occurred_at"] == "2026-01-02T00:00:00Z"


def test_facts_are_stored_and_superseded(memory: Memory) -> None:
    react = memory.add(facts=[{"text": "The project uses React", "valid_from": "2026-01-01"}], user_id="ana")[0]["id"]
    vue = memory.add(facts=[{"text": "The project uses Vue", "replaces": [react]}], user_id="ana")[0]
    assert (vue["event"], vue["id"], vue["previous"]) == ("UPDATE", react, "The project uses React")
    assert texts(memory.search("framework", user_id="ana", as_of="2026-02-01")) == ["The project uses React"]


def test_from_config_takes_mem0s_form(tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "vector_store": {"provider": "lancedb", "config": {"path": str(tmp_path / "here")}},
        "embedder": {"provider": "fastembed", "config": {}},
        "session_ttl_hours": 1,
    }
    with Memory.from_config(config) as memory:
        memory.add("I like tea", user_id="ana")
    assert tmp_path.joinpath("here", "memories").is_dir()
    with Memory.from_config(config) as again:
        assert texts(again.get_all(user_id="ana")) == ["I like tea"]
    with Memory.from_config({"vector_store": {"provider": "in_memory"}}) as gone:
        gone.add("I like tea", user_id="ana")
        assert texts(gone.search("tea", user_id="ana")) == ["I like tea"]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"vectorstore": {}}, "config has no setting 'vectorstore'; it takes vector_store"),
        ({"vector_store": {"provider": "faiss"}}, "vector_store.provider 'faiss' is not known; it is one of lancedb"),
        ({"vector_store": {"config": {"uri": "x"}}}, "vector_store.config has no setting 'uri'; it takes path"),
        ({"llm": {"provider": "parrot"}}, "llm.provider 'parrot' is not known"),
    ],
)
def test_a_wrong_configuration_is_named(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Memory.from_config(config)


class Renamed:
    """The same vectors under another model's name."""

    def __init__(self, embedder: FastembedEmbedder) -> None:
        self._embedder = embedder
        self.signature = "another-model (384 dimensions, no prefix)"
        self.dimension = embedder.dimension
        self.embed_documents = embedder.embed_documents
        self.embed_query = embedder.embed_query


def test_another_model_is_refused_with_the_way_out(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    with Memory(tmp_path, embedder=embedder) as memory:
        memory.add("I like tea", user_id="ana")
    with Memory(tmp_path, embedder=Renamed(embedder)) as other:
        assert texts(other.get_all(user_id="ana")) == ["I like tea"]
        for call in (lambda: other.search("tea", user_id="ana"), lambda: other.add("x", user_id="ana")):
            with pytest.raises(EmbeddingMismatch, match=r"Set SCRUBJAY_EMBEDDING_MODEL back, or .*scrubjay reembed"):
                call()
    with Memory(tmp_path, embedder=embedder) as memory:
        assert texts(memory.get_all(user_id="ana")) == ["I like tea"]


@pytest.mark.promise("erasure")
def test_after_forgetting_no_byte_is_left(tmp_path: Path, memory: Memory) -> None:
    def traces(word: str) -> list[str]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return [path.name for path in files if word.encode() in path.read_bytes()]

    ids = {}
    for word in ("kingfisher", "nightingale", "woodpecker"):
        added = memory.add(
            [{"content": f"I saw a {word} today", "name": f"teller-{word}", "metadata": {"bird": f"meta-{word}"}}],
            user_id="ana",
            facts=[{"text": f"Ana saw a {word}", "evidence": f"saw a {word}", "entities": [f"entity-{word}"]}],
        )
        ids[word] = added[1]["id"]
    for number in range(40):
        memory.add(f"Filler {number} about gardens", user_id="ana")
    memory.update(ids["kingfisher"], "Ana saw two kingfishers")
    memory.add(facts=[{"text": "Ana saw three kingfisher", "replaces": [ids["kingfisher"]]}], user_id="ana")
    assert traces("kingfisher")
    assert traces("meta-kingfisher")
    memory.delete(ids["kingfisher"])
    assert traces("kingfisher") == []
    assert traces("nightingale")
    assert memory.search("kingfisher", user_id="ana", min_score=0.4)["results"] == []
    memory.delete_all(user_id="ana")
    assert traces("nightingale") == traces("woodpecker") == traces("Filler") == traces("ana") == []


def table_folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "memories" / f"{Owner(tenant='local', scope=Scope.USER, name='ana').digest}.lance"


@pytest.mark.promise("durability")
@pytest.mark.parametrize("left", ["nothing committed", "an empty table", "a table without an index"])
def test_what_a_killed_maker_left_hinders_nobody(tmp_path: Path, embedder: FastembedEmbedder, left: str) -> None:
    folder = table_folder(tmp_path)
    with Memory(tmp_path / "data", embedder=embedder) as memory:
        if left == "nothing committed":
            folder.joinpath("_versions").mkdir(parents=True)
            folder.joinpath("_versions", "18446744073709551614.manifest#1").write_bytes(b"half")
        else:
            memory.add("x", user_id="ana")
            table = lancedb.connect(folder.parent).open_table(folder.stem)
            if left == "an empty table":
                table.delete("true")
            else:
                table.drop_index("lexical_idx")
    with Memory(tmp_path / "data", embedder=embedder) as memory:
        memory.search("tea", user_id="ana")
        memory.get_all(user_id="ana")
        with pytest.raises(MemoryNotFound):
            memory.get(folder.stem[:6] + "a" * 10)
        memory.add("I like tea", user_id="ana")
        assert memory.search("tea", user_id="ana")[0]["memory"] == "I like tea"
        memory.delete_all(user_id="ana")
        assert not folder.exists()


@pytest.mark.promise("isolation")
def test_another_tenant_reaches_nothing_by_id(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    with (
        Memory(tmp_path, embedder=embedder, tenant="one") as one,
        Memory(tmp_path, embedder=embedder, tenant="two") as two,
    ):
        memory_id = one.add("secret of one", user_id="ana")[0]["id"]
        for call in (two.get, two.history, lambda i: two.update(i, "x")):
            with pytest.raises(MemoryNotFound):
                call(memory_id)
        assert two.delete(memory_id)["forgotten"] == []
        assert one.get(memory_id)["memory"] == "secret of one"


def test_everything_about_a_person_includes_the_lessons_they_wrote(memory: Memory) -> None:
    memory.add("Ana's lesson", user_id="ana", agent_id="bot", scope="agent")
    memory.add("The bot's own", agent_id="bot")
    assert memory.delete_all(user_id="ana")["erased"] == 1
    assert texts(memory.get_all(agent_id="bot")) == ["The bot's own"]


def test_no_results_are_still_written_as_json(memory: Memory) -> None:
    found = memory.search("tea", user_id="ana")
    assert json.loads(json.dumps(found, indent=2)) == {"results": []}
    assert len(found) == 0


def test_forgetting_needs_no_model(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    with Memory(tmp_path, embedder=embedder) as memory:
        memory_id = memory.add("I like tea", user_id="ana")[0]["id"]
        memory.add("I like coffee", user_id="ana")
    with Memory(tmp_path, embedder=Renamed(embedder)) as other:
        assert other.delete(memory_id)["forgotten"] == [memory_id]
        assert other.delete_all(user_id="ana")["erased"] == 1


WRONG: list[Any] = [
    lambda m: m.add(["a text"], user_id="ana"),
    lambda m: m.add([{"content": "x", "metadata": "s"}], user_id="ana"),
    lambda m: m.add(None, user_id="ana"),
    lambda m: m.add("x", user_id="ana", facts=None),
    lambda m: m.add("x", user_id=5),
    lambda m: m.add(facts=[{"text": "q", "entities": 5}], user_id="ana"),
    lambda m: m.add("x", user_id="ana", metadata={"deep": nested(3000)}),
    lambda m: m.search(None, user_id="ana"),
    lambda m: m.search("x", user_id="ana", limit=None),
    lambda m: m.search("x", user_id="ana", limit=10**12),
    lambda m: m.search("x", user_id="ana", min_score=5),
    lambda m: m.search("x", user_id="ana", filters={"user_id": "ben"}),
    lambda m: m.search("x", user_id="ana", filters={"AND": [{"a": 1}]}),
    lambda m: m.search("x", user_id="ana", filters={"n": {"gte": 1}}),
    lambda m: m.get_all(user_id="ana", limit=0),
    lambda m: m.get_all(user_id="ana", entity="x" * 300),
    lambda m: m.graph(user_id="ana", entity="\ud800"),
    lambda m: m.graph(user_id="ana", as_of="then"),
    lambda m: m.get(None),
    lambda m: m.update(None, "x"),
    lambda m: m.history("nonsense"),
]


def nested(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_arguments_raise_errors_of_ours(memory: Memory, number: int) -> None:
    with pytest.raises(ScrubjayError):
        WRONG[number](memory)


def test_a_moment_may_be_a_datetime(memory: Memory) -> None:
    memory.add("I like tea", user_id="ana")
    assert texts(memory.search("tea", user_id="ana", since=datetime(2020, 1, 1, tzinfo=UTC))) == ["I like tea"]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    tmp_path.joinpath("file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot use the data folder .* SCRUBJAY_DATA_DIR"):
        Memory(tmp_path / "file", embedder=embedder)


def test_the_folder_is_private(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    with Memory(tmp_path / "data", embedder=embedder) as memory:
        memory.add("x", user_id="ana")
    assert tmp_path.joinpath("data").stat().st_mode & 0o077 == 0


def test_a_table_of_another_version_is_refused_unharmed(tmp_path: Path, memory: Memory) -> None:
    memory.add("x", user_id="ana")
    digest = Owner(tenant="local", scope=Scope.USER, name="ana").digest
    program = (
        "import lancedb, sys, json\n"
        "table = lancedb.connect(sys.argv[1]).open_table(sys.argv[2])\n"
        "told = json.loads(table.schema.metadata[b'scrubjay']) | {'schema_version': 99}\n"
        "rows = table.to_arrow().replace_schema_metadata({'scrubjay': json.dumps(told)})\n"
        "lancedb.connect(sys.argv[1]).create_table(sys.argv[2], rows, mode='overwrite')\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "data" / "memories"), digest], check=True)
    with (
        Memory(tmp_path / "data", embedder=memory.embedder) as later,
        pytest.raises(StoreError, match="schema version 99"),
    ):
        later.get_all(user_id="ana")


def test_mistakes_are_ours_to_tell(memory: Memory) -> None:
    with pytest.raises(InvalidInput, match="content is empty"):
        memory.add([], user_id="ana")
    with pytest.raises(InvalidInput, match=r"messages\[0\].content is empty"):
        memory.add("", user_id="ana")
    with pytest.raises(InvalidInput, match="scope"):
        memory.search("x", user_id="ana", scope="world")
    with pytest.raises(MemoryNotFound):
        memory.update("nonsense", "x")
    assert memory.delete("nonsense")["forgotten"] == []


def works_at(company: str, since: str, **more: Any) -> dict[str, Any]:
    relations = [{"subject": "Ana", "predicate": "works_at", "object": company}]
    return {"text": f"Ana works at {company}", "relations": relations, "valid_from": since, **more}


@pytest.mark.promise("history")
def test_the_graph_tells_how_things_are_and_how_they_were(memory: Memory) -> None:
    acme = memory.add(facts=[works_at("Acme", "2026-01-01")], user_id="ana")[0]["id"]
    memory.add(facts=[works_at("Globex", "2026-06-01", replaces=[acme])], user_id="ana")
    memory.add(facts=[{"text": "Ben has a cat", "entities": ["Ben"]}], user_id="ana")
    edge = {"subject": "Ana", "predicate": "works_at", "memory_id": acme}
    now = memory.graph(user_id="ana")
    assert now["relations"] == [{**edge, "object": "Globex", "valid_from": "2026-06-01T00:00:00Z"}]
    assert {entity["name"] for entity in now["entities"]} == {"Ana", "Globex", "Ben"}
    assert memory.graph(user_id="ana", entity="acme") == {"entities": [], "relations": []}
    assert memory.graph(user_id="ana", entity="ANA", as_of="2026-03-01") == {
        "entities": [{"name": "Ana", "memory_ids": [acme]}, {"name": "Acme", "memory_ids": [acme]}],
        "relations": [
            {**edge, "object": "Acme", "valid_from": "2026-01-01T00:00:00Z", "valid_to": "2026-06-01T00:00:00Z"}
        ],
    }
    assert memory.graph(user_id="ana", as_of=datetime(2025, 12, 31, tzinfo=UTC)) == {"entities": [], "relations": []}


def test_memories_are_found_by_entity_and_by_a_name_that_was_learned_later(memory: Memory) -> None:
    memory.add(facts=[works_at("Acme", "2026-01-01")], user_id="ana")
    alias = {"subject": "Ana", "predicate": "Also known as", "object": "Annie"}
    memory.add(facts=[{"text": "Ana is called Annie", "relations": [alias], "valid_from": "2026-09-01"}], user_id="ana")
    memory.add("Annie and I like tea", user_id="ana")
    assert texts(memory.get_all(user_id="ana", entity="annie", as_of="2026-03-01")) == ["Ana works at Acme"]
    assert set(texts(memory.search("tea", user_id="ana", entity="annie"))) == {
        "Ana works at Acme",
        "Ana is called Annie",
    }
    (ana, acme) = memory.graph(user_id="ana", entity="Annie", as_of="2026-03-01")["entities"]
    assert (ana["name"], "aliases" in ana, acme["name"]) == ("Ana", False, "Acme")
    assert memory.graph(user_id="ana", entity="Annie")["entities"][0]["aliases"] == ["Annie"]


@pytest.mark.promise("isolation")
def test_the_graph_is_its_owners(memory: Memory) -> None:
    fact = {"text": "Retries help", "entities": ["CI"]}
    memory.add(facts=[fact], agent_id="bot")
    memory.add(facts=[{"text": "In the run", "entities": ["Run"]}], user_id="ana", run_id="r")
    seen = [
        [entity["name"] for entity in memory.graph(**owner)["entities"]]
        for owner in ({"user_id": "ana", "agent_id": "bot"}, {"user_id": "ana", "run_id": "r"}, {"agent_id": "bot"})
    ]
    assert seen == [[], ["Run"], ["CI"]]
    with pytest.raises(OwnerRequired, match="pass user_id, agent_id or run_id"):
        memory.graph(entity="Ana")


def test_a_search_that_outlives_the_closing_has_no_error_of_threads(memory: Memory) -> None:
    memory.add("I drink tea", user_id="ana")
    memory.engine.helpers.shutdown()  # type: ignore[union-attr]  # what close() does first to a search under way
    assert texts(memory.search("tea", user_id="ana")) == ["I drink tea"]


@pytest.mark.parametrize("weight", [10**400, 1e308, float("nan"), True, "1"])
def test_a_weight_that_is_no_reasonable_number_is_refused_by_name(weight: object) -> None:
    with pytest.raises(ConfigurationError, match=r"ranking\.dense"):
        Memory.from_config({"vector_store": {"provider": "in_memory"}, "ranking": {"dense": weight}})

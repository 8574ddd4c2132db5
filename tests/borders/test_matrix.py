"""Every way in, for everybody who is somebody else."""

import itertools
import re
from pathlib import Path

import pytest

from borders import ways
from borders.checks import changed, foreign_canaries, leaks, of_others
from borders.doors import DOORS, Answer
from borders.people import (
    ANA,
    ANA_ELSEWHERE,
    BEN,
    CHIEF,
    CHIEF_ELSEWHERE,
    PEOPLE,
    SESSION,
    TEACHER,
    TWINS,
    Person,
)
from borders.served import Served, served
from borders.ways import Known
from scrubjay.embedding.fastembed import FastembedEmbedder

STRANGERS = {
    "another user": BEN,
    "the same name in another tenant": ANA_ELSEWHERE,
    "an admin of the tenant": CHIEF,
    "an admin of another tenant": CHIEF_ELSEWHERE,
    "who may teach the agent": TEACHER,
}
UNKNOWN = "aaaaaaaaaaaaaaaa"


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    ("kind", "who"),
    [*(("stateless", who) for who in STRANGERS), *itertools.product(("handshake", "sse"), list(STRANGERS)[:2])],
)
def test_no_way_in_shows_or_changes_anything_of_somebody_elses(house: Served, kind: str, who: str) -> None:
    stranger, target = STRANGERS[who], house.planted[ANA]
    tried = [
        *ways.introducing(),
        *ways.reading(),
        *(way for memory_id in target.ids.values() for way in ways.naming(memory_id)),
        *ways.writing(),
        *ways.teaching(),
        *ways.reading(),
    ]
    with DOORS[kind](house.url, house.token_by_person[stranger]) as door:
        assert leaks(house, door, stranger, ANA, tried) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("kind", DOORS)
def test_the_owner_sees_with_the_same_requests_what_is_theirs(house: Served, kind: str) -> None:
    """Else the matrix would hold for a server that answers nothing at all."""
    known = Known(person=ANA, planted=house.planted[ANA])
    empty = {
        "search_memories: in agent scope", "list_memories: agent scope", "list_memories: pending",
        "forget: candidates of the agent",
    }  # fmt: skip
    with DOORS[kind](house.url, house.token_by_person[ANA]) as door:
        for way in ways.reading():
            told = door.ask(way.method, way.params(known)).body
            assert (ANA.canary.encode() in told) == (way.name not in empty), (way.name, told)
        for memory_id in known.ids():
            shown = [door.ask(way.method, way.params(known)).body for way in list(ways.naming(memory_id))[:3]]
            assert ANA.canary.encode() in shown[2]


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    ("kind", "person", "other"),
    [
        *(("stateless", *pair) for pair in ((BEN, ANA), (ANA_ELSEWHERE, ANA), *TWINS)),
        *((kind, BEN, ANA) for kind in ("handshake", "sse")),
    ],
)
def test_a_foreign_id_reads_byte_for_byte_like_one_that_there_is_not(
    house: Served, kind: str, person: Person, other: Person
) -> None:
    own_prefix = next(iter(house.planted[person].ids.values()))[:6]
    before = of_others(house, person)
    for foreign in house.planted[other].ids.values():
        asked = {"foreign": foreign, "unknown": UNKNOWN, "guessed": own_prefix + foreign[6:]}
        if foreign.startswith(own_prefix):
            del asked["guessed"]
        told = {how: answers(house, kind, person, memory_id) for how, memory_id in asked.items()}
        for how, told_so in told.items():
            assert told_so == told["unknown"], how
    assert changed(before, of_others(house, person)) == []


def answers(house: Served, kind: str, person: Person, memory_id: str) -> list[tuple[int, bytes, dict[str, str]]]:
    """Return what each request that names an id is answered, with the id itself left out."""
    known = Known(person=person, planted=house.planted[person])
    with DOORS[kind](house.url, house.token_by_person[person]) as door:
        return [without(memory_id, door.ask(way.method, way.params(known))) for way in ways.naming(memory_id)]


def without(memory_id: str, answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    return answer.status, answer.body.replace(memory_id.encode(), b"ID"), answer.headers


@pytest.mark.promise("isolation")
def test_twins_have_ids_that_begin_alike_and_keep_to_their_own(house: Served) -> None:
    for person, other in TWINS:
        ids, others = house.planted[person].ids, house.planted[other].ids
        assert {memory_id[:6] for memory_id in ids.values()} == {memory_id[:6] for memory_id in others.values()}
        with DOORS["stateless"](house.url, house.token_by_person[person]) as door:
            tried = [way for memory_id in others.values() for way in ways.naming(memory_id)]
            assert leaks(house, door, person, other, tried) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("malformed", [
    "", " ", "x", "a" * 15, "a" * 17, "A" * 16, "a" * 15 + "%", "' OR '1'='1", "../../memories", "a" * 5000, "é" * 16,
    "a%61aaaaaaaaaaaaa", "*", "%", '"', "\\", "\x00" * 16, "١" * 16, "ａ" * 16,
])  # fmt: skip
def test_a_malformed_id_reads_like_one_that_there_is_not(house: Served, malformed: str) -> None:
    before = of_others(house, BEN)
    expected = f"no memory has the id {malformed[:60]!r}; list or search the memories to see their ids"
    with DOORS["stateless"](house.url, house.token_by_person[BEN]) as door:
        for way in ways.naming(malformed):
            if way.method == "resources/read":
                continue  # what is no URI of ours never gets to the memories
            known = Known(person=BEN, planted=house.planted[BEN])
            result = door.ask(way.method, way.params(known)).message["result"]
            text = result["content"][0]["text"]
            if way.name.startswith("list_memories") and not malformed:
                assert not result["isError"], "an empty id is no id"
            elif way.name.startswith("forget: by id"):
                assert result["structuredContent"]["forgotten"] == []
            elif "agent" in way.name:
                assert "agent:write" in text
            else:
                assert text == f"{way.params(known)['name']}: {expected}"
    assert changed(before, of_others(house, BEN)) == []


@pytest.mark.promise("isolation")
def test_a_cursor_says_how_far_a_listing_got_and_not_whose(house: Served) -> None:
    cursor = house.planted[ANA].cursor
    for person in PEOPLE:
        with DOORS["stateless"](house.url, house.token_by_person[person]) as door:
            shown = door.tool("list_memories", cursor=cursor, max_tokens=100_000)
            assert not foreign_canaries(shown, person)
            own = door.tool("list_memories", max_tokens=100_000).shape["memories"]
            assert [row for row in shown.shape["memories"] if row not in own] == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    "forged", ["e30", "W10", "WzEsMiwzXQ", "x" * 10_000, "../..", "' OR 1=1 --", "\x00", "é", "=", "bnVsbA"]
)
def test_a_forged_cursor_is_refused_in_words_that_tell_nothing(house: Served, forged: str) -> None:
    with DOORS["stateless"](house.url, house.token_by_person[BEN]) as door:
        told = door.tool("list_memories", cursor=forged).message["result"]
    assert told["isError"]
    assert re.fullmatch(r"list_memories: cursor is not one that .* leave it empty to begin", told["content"][0]["text"])


@pytest.mark.promise("isolation")
def test_who_forgets_everything_forgets_what_is_theirs_alone(tmp_path: Path, embedder: FastembedEmbedder) -> None:
    with served(tmp_path, embedder) as house:
        for kind, who in zip(itertools.cycle(DOORS), STRANGERS, strict=False):
            with DOORS[kind](house.url, house.token_by_person[STRANGERS[who]]) as door:
                assert leaks(house, door, STRANGERS[who], ANA, ways.erasing()) == []
                assert door.tool("list_memories").shape["total"] == 0
        with DOORS["stateless"](house.url, house.token_by_person[ANA]) as door:
            assert door.tool("list_memories", session_id=SESSION).shape["total"] == 3

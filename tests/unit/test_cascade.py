from dataclasses import replace

from records import NOON, record
from scrubjay.erasures import Erasure
from scrubjay.remembering.cascade import bereft, episodes_taken, taken_along
from scrubjay.remembering.rows import lexical_text
from scrubjay.types import Kind, MemoryRecord, Relation


def episode(memory_id: str, text: str, previous: str = "") -> MemoryRecord:
    return record(memory_id, text, kind=Kind.EPISODE, lexical=lexical_text(text, when=NOON, previous=previous))


def fact(memory_id: str, *source_ids: str, evidence: tuple[str, ...] = ()) -> MemoryRecord:
    return record(memory_id, source_ids=source_ids, evidence=evidence)


def cascade(
    targets: list[MemoryRecord], episodes: list[MemoryRecord], dependants: list[MemoryRecord]
) -> tuple[Erasure, tuple[MemoryRecord, ...]]:
    erasure = taken_along(targets, dependants)
    rows = {row.key: row for row in (*targets, *episodes, *dependants)}
    return erasure, bereft(rows.values(), erasure)


def test_a_fact_takes_the_episodes_it_rests_on() -> None:
    said = episode("e", "I moved to Porto")
    target = fact("f", "e")
    assert episodes_taken([target]) == ("e",)
    assert cascade([target], [said], [target])[0].ids == ("e", "f")


def test_another_fact_on_the_same_episode_stays_without_its_words() -> None:
    said = episode("e", "I moved to Porto and bought a bicycle")
    other = fact("g", "e", "e2", evidence=("bought a bicycle", "rode to work"))
    erasure, rewritten = cascade([fact("f", "e")], [said], [fact("f", "e"), other])
    assert erasure.ids == ("e", "f")
    assert [(r.id, r.source_ids, r.evidence) for r in rewritten] == [("g", ("e2",), ("rode to work",))]


def test_an_episode_takes_the_facts_that_rest_only_on_it() -> None:
    said = episode("e", "I moved to Porto")
    only, also = fact("only", "e"), fact("also", "e", "e2")
    erasure, rewritten = cascade([said], [said], [only, also])
    assert erasure.ids == ("e", "only")
    assert [r.id for r in rewritten] == ["also"]


def test_a_neighbour_that_was_indexed_with_the_episode_is_indexed_without_it() -> None:
    said = episode("e", "Do you like Porto?")
    answer = episode("a", "Yes, a lot", previous="Do you like Porto?")
    erasure, rewritten = cascade([said], [said, answer], [])
    assert erasure.ids == ("e",)
    assert "Porto" not in rewritten[0].lexical
    assert "Yes, a lot" in rewritten[0].lexical


def test_a_message_that_quotes_the_episode_keeps_its_own_words() -> None:
    said, quoting = episode("e", "Yes"), episode("q", "You said: Yes")
    assert cascade([said], [said, quoting], [])[1] == ()


def test_a_short_word_is_not_looked_for_in_dates_and_names() -> None:
    said = episode("e", "No")
    unrelated = episode("u", "In Lisbon!", previous="Where is the conference in November?")
    assert cascade([said], [said, unrelated], [])[1] == ()


def test_a_version_that_rests_on_other_words_stays() -> None:
    said = episode("e1", "I use React")
    one, two = fact("f", "e1"), replace(fact("f", "e2"), version=2)
    erasure, rewritten = cascade([said], [said], [one, two])
    assert erasure.ids == ("e1",)
    assert erasure.versions == (("f", 1),)
    assert rewritten == ()


def test_a_version_that_rests_on_nothing_stays() -> None:
    said = episode("e1", "I use React")
    erasure, _ = cascade([said], [said], [fact("f", "e1"), replace(fact("f"), version=2)])
    assert (erasure.ids, erasure.versions) == (("e1",), (("f", 1),))


def test_every_wording_of_a_corrected_message_is_looked_for() -> None:
    said = episode("e", "My code is alpha one")
    corrected = replace(episode("e", "My code is bravo two"), version=2)
    answer = episode("a", "Yes, that one", previous="My code is bravo two")
    stays = fact("f", "e", "e2", evidence=("alpha one", "bravo two", "something else"))
    _, rewritten = cascade([said, corrected], [said, corrected, answer], [stays])
    assert {row.id: row.evidence for row in rewritten} == {"f": ("something else",), "a": ()}
    assert "bravo" not in "".join(row.lexical for row in rewritten)


def test_a_neighbour_in_another_session_keeps_the_same_words_before_it() -> None:
    said = episode("e", "Shall we begin?")
    elsewhere = replace(episode("a", "Yes", previous="Shall we begin?"), session_id="another")
    assert cascade([said], [said, elsewhere], [])[1] == ()


def test_a_better_wording_keeps_nothing_it_had_from_words_that_go() -> None:
    said = episode("e1", "Ana goes to the Whiskey clinic")
    relation = Relation(subject="Ana", predicate="treated_at", object="Whiskey clinic")
    first = replace(fact("f", "e1"), entities=("Ana", "Whiskey clinic"), relations=(relation,), metadata={"a": 1})
    metadata = {"a": 1, "b": 2}
    better = replace(first, version=2, source_ids=("e2",), text="Ana is ill", metadata=metadata)
    erasure, rewritten = cascade([said], [said], [first, better])
    assert erasure.versions == (("f", 1),)
    assert [(r.entities, r.relations, r.metadata) for r in rewritten] == [(("Ana",), (), {"b": 2})]


def test_a_version_that_only_expired_takes_nothing_from_the_next() -> None:
    first = replace(fact("f"), entities=("Ana",), metadata={"a": 1})
    assert bereft([first, replace(first, version=2)], Erasure(versions=(("f", 1),))) == ()

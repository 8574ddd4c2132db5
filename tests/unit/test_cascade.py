from dataclasses import replace

from records import NOON, record
from scrubjay.remembering.cascade import cascade, episodes_taken
from scrubjay.remembering.rows import lexical_text
from scrubjay.types import Kind, MemoryRecord


def episode(memory_id: str, text: str, previous: str = "") -> MemoryRecord:
    return record(memory_id, text, kind=Kind.EPISODE, lexical=lexical_text(text, when=NOON, previous=previous))


def fact(memory_id: str, *source_ids: str, evidence: tuple[str, ...] = ()) -> MemoryRecord:
    return record(memory_id, source_ids=source_ids, evidence=evidence)


def test_a_fact_takes_the_episodes_it_rests_on() -> None:
    said = episode("e", "I moved to Porto")
    target = fact("f", "e")
    assert episodes_taken([target]) == ("e",)
    assert cascade([target], [said], [target]).erased_ids == ("e", "f")


def test_another_fact_on_the_same_episode_stays_without_its_words() -> None:
    said = episode("e", "I moved to Porto and bought a bicycle")
    other = fact("g", "e", "e2", evidence=("bought a bicycle", "rode to work"))
    done = cascade([fact("f", "e")], [said], [fact("f", "e"), other])
    assert done.erased_ids == ("e", "f")
    assert [(r.id, r.source_ids, r.evidence) for r in done.rewritten] == [("g", ("e2",), ("rode to work",))]


def test_an_episode_takes_the_facts_that_rest_only_on_it() -> None:
    said = episode("e", "I moved to Porto")
    only, also = fact("only", "e"), fact("also", "e", "e2")
    done = cascade([said], [said], [only, also])
    assert done.erased_ids == ("e", "only")
    assert [r.id for r in done.rewritten] == ["also"]


def test_a_neighbour_that_was_indexed_with_the_episode_is_indexed_without_it() -> None:
    said = episode("e", "Do you like Porto?")
    answer = episode("a", "Yes, a lot", previous="Do you like Porto?")
    done = cascade([said], [said, answer], [])
    assert done.erased_ids == ("e",)
    assert "Porto" not in done.rewritten[0].lexical
    assert "Yes, a lot" in done.rewritten[0].lexical


def test_a_message_that_quotes_the_episode_keeps_its_own_words() -> None:
    said, quoting = episode("e", "Yes"), episode("q", "You said: Yes")
    assert cascade([said], [said, quoting], []).rewritten == ()


def test_a_short_word_is_not_looked_for_in_dates_and_names() -> None:
    said = episode("e", "No")
    unrelated = episode("u", "In Lisbon!", previous="Where is the conference in November?")
    assert cascade([said], [said, unrelated], []).rewritten == ()


def test_a_version_that_rests_on_other_words_stays() -> None:
    said = episode("e1", "I use React")
    one, two = fact("f", "e1"), replace(fact("f", "e2"), version=2)
    done = cascade([said], [said], [one, two])
    assert done.erased_ids == ("e1",)
    assert done.erased_versions == (("f", 1),)
    assert done.rewritten == ()


def test_a_version_that_rests_on_nothing_stays() -> None:
    said = episode("e1", "I use React")
    done = cascade([said], [said], [fact("f", "e1"), replace(fact("f"), version=2)])
    assert (done.erased_ids, done.erased_versions) == (("e1",), (("f", 1),))

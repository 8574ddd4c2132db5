"""Candidates, pools and questions made by hand, for tests of ranking; the question's vector is the first unit one."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from records import NOON, UNITS
from scrubjay.matches import Candidate, Match
from scrubjay.moments import micros
from scrubjay.recall.pool import Pool, pool_of
from scrubjay.recall.query import Asked, asked
from scrubjay.types import Kind, Relation

QUERIES = [
    "Where does Ana keep the kayak?",
    "When did Ben paint the fence?",
    "What was the kayak's colour before?",
    "What did Ana say on 5 May 2026?",
    "Who bought a lantern last week?",
    "the",
    "?",
    "我的灯笼在哪里",
]
TEXTS = [
    "I keep the kayak in the shed",
    "Ana painted the fence yesterday",
    "Do you own a lantern?",
    "We went to the lake in June 2026",
    "...",
    "灯笼很红",
]


def towards(cosine: float) -> NDArray[np.float32]:
    """Return a vector at this cosine to the question's."""
    return np.array([cosine, math.sqrt(1 - cosine * cosine), 0, 0], dtype=np.float32)


def candidate(
    memory_id: str, text: str = "", *, cosine: float = 0.5, said_at: datetime = NOON, **columns: Any
) -> Candidate:
    defaults: dict[str, Any] = {
        "version": 1,
        "kind": Kind.EPISODE,
        "vector": towards(cosine),
        "recorded_at": micros(said_at),
        "session_id": "one",
        "role": "user",
    }
    said = text or f"memory {memory_id}"
    return Candidate(id=memory_id, text=said, said_at=micros(said_at), **(defaults | columns))


def fact(memory_id: str, text: str = "", **columns: Any) -> Candidate:
    return candidate(memory_id, text, **({"kind": Kind.FACT, "role": ""} | columns))


def pool(*candidates: Candidate, bm25: Mapping[str, float] | None = None) -> Pool:
    """Return a pool in the order given; who has no BM25 score has 0."""
    scores = bm25 or {}
    return pool_of(UNITS[0], [], [Match(candidate=each, score=scores.get(each.id, 0.0)) for each in candidates])


def question(query: str, *speakers: str) -> Asked:
    return asked(query, speakers=speakers, now=NOON)


_names = st.sampled_from(["", "Ana", "Ben", "Anne-Marie Dupont"])
_entities = st.lists(st.sampled_from(["Ana", "the kayak", "Lake", "!!"]), max_size=2).map(tuple)
_columns = st.fixed_dictionaries({
    "text": st.sampled_from(TEXTS) | st.text(min_size=1, max_size=20),
    "cosine": st.floats(-1, 1, width=32),
    "kind": st.sampled_from(Kind),
    "said_at": st.integers(-400, 400).map(lambda days: NOON + timedelta(days=days)),
    "name": _names,
    "role": st.sampled_from(["", "user", "assistant"]),
    "session_id": st.sampled_from(["", "one", "two"]),
    "turn": st.integers(0, 3),
    "importance": st.floats(0, 1),
    "source_ids": st.lists(st.sampled_from(["m0", "m1", "gone"]), max_size=2).map(tuple),
    "entities": _entities,
    "relations": st.lists(
        st.builds(Relation, subject=_names, predicate=st.just("knows"), object=st.just("Lake")), max_size=1
    ).map(tuple),
})  # fmt: skip

questions = st.builds(question, st.sampled_from(QUERIES) | st.text(max_size=20), _names, _names)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Any pool of up to eight candidates, the empty one included."""
    made = [candidate(f"m{number}", **columns) for number, columns in enumerate(draw(st.lists(_columns, max_size=8)))]
    return pool(*made, bm25={each.id: draw(st.floats(0, 30)) for each in made})

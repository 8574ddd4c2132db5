"""What search is without Scrubjay: plain BM25, plain vectors, and their fusion by rank, over the same texts.

Each dialogue is one LanceDB table with a row for each message, its speaker's name before the text (every baseline is
better with it than without), and vectors by Scrubjay's own embedder. Full-text search has LanceDB's defaults (stemming,
stop words removed), the vectors are compared exactly, by cosine. A question that was asked on a certain day sees the
rows up to that day, as Scrubjay's `as_of` does.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("LANCEDB_LOG", "error")  # it warns of columns that nobody selected, and of new tables
import lancedb
import numpy as np
import pyarrow as pa
from dialogues import Dialogue, Question
from lancedb.index import FTS
from lancedb.query import MatchQuery
from lancedb.rerankers import RRFReranker
from lancedb.table import Table
from numpy.typing import NDArray
from stores import Hit, Ranker, named, note, noted, progress

from scrubjay.ports import Embedder

_RRF_K = 60
_FUSED = 100
_BATCH = 64


class Baselines:
    """Tables in a folder, made once for each dialogue, and the rankers over them."""

    def __init__(self, folder: Path, embedder: Embedder, *, model: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._embedder = embedder
        self._model = model
        self._database = lancedb.connect(str(folder / "tables"))
        self._tables: dict[Dialogue, Table] = {}
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def rankers(self) -> Mapping[str, Ranker]:
        """Return every baseline by its name."""
        return {
            "BM25": self.bm25,
            "dense": self.dense,
            f"RRF k={_RRF_K}": self.fused,
            "LanceDB hybrid": self.hybrid,
        }

    def bm25(self, dialogue: Dialogue, question: Question, limit: int) -> list[Hit]:
        search = self._table(dialogue).search(MatchQuery(question.text, "text"), query_type="fts")
        return _hits(search, question, limit)

    def dense(self, dialogue: Dialogue, question: Question, limit: int) -> list[Hit]:
        search = self._table(dialogue).search(self._vector(question.text)).distance_type("cosine")
        return _hits(search, question, limit)

    def fused(self, dialogue: Dialogue, question: Question, limit: int) -> list[Hit]:
        """Return what reciprocal rank fusion makes of the first hundred of each of the two."""
        scores: dict[Hit, float] = {}
        for ranker in (self.bm25, self.dense):
            for rank, hit in enumerate(ranker(dialogue, question, _FUSED), start=1):
                scores[hit] = scores.get(hit, 0.0) + 1 / (_RRF_K + rank)
        return sorted(scores, key=lambda hit: -scores[hit])[:limit]

    def hybrid(self, dialogue: Dialogue, question: Question, limit: int) -> list[Hit]:
        """Return what LanceDB's own hybrid search gives, with its own reranker and all defaults."""
        search = self._table(dialogue).search(query_type="hybrid").vector(self._vector(question.text))
        search = search.text(MatchQuery(question.text, "text")).distance_type("cosine").rerank(RRFReranker())
        return _hits(search, question, limit)

    def _vector(self, text: str) -> NDArray[np.float32]:
        if text not in self._vectors:
            self._vectors[text] = self._embedder.embed_query(text)
        return self._vectors[text]

    def _table(self, dialogue: Dialogue) -> Table:
        if dialogue not in self._tables:
            name = named(dialogue, model=self._model)
            if name not in noted(self._folder):
                self._fill(dialogue, name)
                note(self._folder, name)
            self._tables[dialogue] = self._database.open_table(name)
        return self._tables[dialogue]

    def _fill(self, dialogue: Dialogue, name: str) -> None:
        rows = [
            {
                "turn": message["metadata"]["turn"],
                "session": session,
                "day": message["time"][:10],
                "text": f"{message['name']}: {message['content']}" if "name" in message else message["content"],
            }
            for session, messages in dialogue.sessions.items()
            for message in messages
        ]
        batches = progress(range(0, len(rows), _BATCH), f"embedding {dialogue.name}")
        vectors = np.concatenate(
            [self._embedder.embed_documents([row["text"] for row in rows[at : at + _BATCH]]) for at in batches]
        )
        columns = {column: [row[column] for row in rows] for column in rows[0]}
        columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        table = self._database.create_table(name, data=pa.table(columns), mode="overwrite")
        table.create_index("text", config=FTS())


def _hits(search: Any, question: Question, limit: int) -> list[Hit]:
    if question.day:
        search = search.where(f"day <= '{question.day}'", prefilter=True)
    return [Hit(turn=row["turn"], session=row["session"]) for row in search.limit(limit).to_list()]

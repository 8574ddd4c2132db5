"""Searches that LanceDB does itself: by words, and by vectors where a table is too large to be held in memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
from lancedb.query import LanceFtsQueryBuilder, MatchQuery

from scrubjay.graph.subject import Subject, subject_of
from scrubjay.matches import Match
from scrubjay.stores.lancedb_rows import CANDIDATE_COLUMNS, STATED, candidates_of, statement_of, vectors_of
from scrubjay.stores.matching import stating
from scrubjay.stores.sql import condition
from scrubjay.types import Filter, Kind, MemoryRecord, Position

if TYPE_CHECKING:
    import numpy as np
    from lancedb.query import LanceVectorQueryBuilder
    from lancedb.table import Table
    from numpy.typing import NDArray

    from scrubjay.stores.lancedb_image import Image

_MOST_PASSED_OVER = 1_000


def nearest(table: "Table", vectors: "NDArray[np.float32]", where: Filter, limit: int) -> list[list[Match]]:
    """Return for each vector the matching rows nearest by cosine, best first."""
    sql = sql_of(table, where)
    found = []
    for vector in vectors:
        query = filtered(cast("LanceVectorQueryBuilder", table.search(vector)).distance_type("cosine"), sql)
        rows = query.limit(limit).select([*CANDIDATE_COLUMNS, "_distance"]).to_arrow()
        found.append(_matches(rows, [1 - distance for distance in rows["_distance"].to_pylist()]))
    return found


def sharing_words(table: "Table", text: str, where: Filter, limit: int, image: "Image | None") -> list[Match]:
    """Return the matching rows that share words with a text, by BM25, best first; what the image holds is not read."""
    # A plain string would be parsed: quoted words in it become a phrase query, and fail.
    wanted = MatchQuery(text, "lexical")  # type: ignore[call-arg]  # type checkers do not see its defaults
    found = None if image is None else _sharing_words_in(image, table, wanted, where, limit)
    if found is not None:
        return found
    rows = (
        filtered(table.search(wanted), sql_of(table, where))
        .limit(limit)
        .select([*CANDIDATE_COLUMNS, "_score"])
        .to_arrow()
    )
    return _matches(rows, rows["_score"].to_pylist())


def _sharing_words_in(
    image: "Image", table: "Table", wanted: MatchQuery, where: Filter, limit: int
) -> list[Match] | None:
    """Ask for row ids alone, of so many more rows as do not match, and take the rest from the image.

    That takes 2 ms instead of 4. None when too many rows do not match, or the table has changed meanwhile: then the ids
    may be those of other rows.
    """
    matching = image.matching(where)
    others = image.rows.num_rows - len(matching)
    if others > _MOST_PASSED_OVER:
        return None
    query = LanceFtsQueryBuilder(table, wanted)  # as `table.search` makes it, without asking for the schema first
    scored = query.limit(limit + others).with_row_id(True).select(["_score"]).to_arrow()
    return image.matches(scored, among=matching)[:limit] if image.is_current() else None


def _matches(rows: pa.Table, scores: Sequence[float]) -> list[Match]:
    pairs = zip(candidates_of(rows, vectors_of(rows)), scores, strict=True)
    return [Match(candidate=candidate, score=score) for candidate, score in pairs]


def names(table: "Table", where: Filter) -> frozenset[str]:
    """Return the names under which matching rows were said."""
    rows = filtered(table.search(), sql_of(table, where)).select(["name"]).to_arrow()
    return frozenset(rows["name"].to_pylist()) - {""}


def vectors_by_key(table: "Table", records: Sequence[MemoryRecord]) -> dict[tuple[str, int], pa.Array]:
    """Return the vectors of these memories' versions."""
    where = condition(Filter(ids=tuple({record.id for record in records})))
    rows = table.search().where(where).select(["id", "version", "vector"]).to_arrow().to_pylist()
    return {(row["id"], row["version"]): row["vector"] for row in rows}


def filtered(query: Any, sql: str) -> Any:  # LanceDB has one builder class per kind of query
    """Return the query with a filter that holds before anything is searched for."""
    return query.where(sql, prefilter=True) if sql else query


def sql_of(table: "Table", where: Filter, *, after: Position | None = None) -> str:
    """Return the filter as SQL; which rows facts rest on or tell of, SQL without subqueries has to be told."""
    claimed: set[str] = set()
    if where.unclaimed and where.kind is not Kind.FACT:
        facts = table.search().where("kind = 'fact' AND state <> 'suspect'")
        rows = facts.select(["source_ids"]).to_arrow().to_pylist()
        claimed = {source for row in rows for source in row["source_ids"]}
    subject = None if where.entity is None else _subject(table, where, where.entity)
    return condition(where, after=after, claimed=sorted(claimed), subject=subject)


def _subject(table: "Table", where: Filter, entity: str) -> Subject:
    rows = table.search().where(condition(stating(where))).select(STATED).to_arrow().to_pylist()
    return subject_of(entity, [statement_of(row) for row in rows], at=where.as_of or where.current_at)

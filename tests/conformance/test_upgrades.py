"""Tables of earlier versions are brought up to date where they are; of later ones nothing is touched."""

import json
from datetime import timedelta
from pathlib import Path

import lancedb
import pyarrow as pa
import pytest

from folders import opened, put
from records import ANA, NOON, UNITS, record
from scrubjay.ports import Work
from scrubjay.types import Filter

HOUR = timedelta(hours=1)


def rows_as_of_version_1(rows: pa.Table) -> pa.Table:
    """Return the table as version 1 kept it: with the blank row that a killed erasure left."""
    blank = rows.slice(0, 1).set_column(0, rows.schema.field("id"), pa.array(["blank"]))
    described = json.loads(rows.schema.metadata[b"scrubjay"]) | {"schema_version": 1}
    return pa.concat_tables([rows, blank]).replace_schema_metadata({"scrubjay": json.dumps(described)})


def made_by_version_1(tmp_path: Path) -> Path:
    store = opened(tmp_path)
    put(store, record("m0", "I like tea", expires_at=NOON + HOUR), record("m1", "kingfisher"), record("m2"))
    store.close()
    database = lancedb.connect(str(tmp_path / "memories"))
    old = rows_as_of_version_1(database.open_table(ANA.digest).to_arrow())
    table = database.create_table(ANA.digest, data=old, mode="overwrite")
    table.delete("id = 'm1'")  # as far as a killed forget of version 1 got
    folder = tmp_path / "memories" / f"{ANA.digest}.lance"
    folder.joinpath("unfinished-erasure").touch()
    tmp_path.joinpath("expiring", ANA.digest).unlink()
    return folder


def test_a_table_of_version_1_is_upgraded_and_its_erasure_finished(tmp_path: Path) -> None:
    folder = made_by_version_1(tmp_path)
    store = opened(tmp_path)
    assert sorted(row.id for row in store.find(ANA, Filter())) == ["m0", "m2"]
    assert [match.candidate.id for match in store.lexical(ANA, "tea", Filter(), limit=9)] == ["m0"]
    assert store.owners_with(Work.EXPIRED, now=NOON) == []
    assert store.owners_with(Work.EXPIRED, now=NOON + HOUR) == [ANA]
    store.close()
    schema = lancedb.connect(str(tmp_path / "memories")).open_table(ANA.digest).schema
    assert json.loads(schema.metadata[b"scrubjay"])["schema_version"] == 2
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in left if b"kingfisher" in path.read_bytes() or path.name == "unfinished-erasure"] == []


@pytest.mark.parametrize("opened_by", [1, 3])
def test_an_upgrade_changes_nothing_but_the_version(tmp_path: Path, opened_by: int) -> None:
    made_by_version_1(tmp_path)
    stores = [opened(tmp_path) for _ in range(opened_by)]
    found = [store.find(ANA, Filter()) for store in stores]
    assert all(rows == found[0] for rows in found)
    assert found[0] == [record("m2"), record("m0", "I like tea", expires_at=NOON + HOUR)]
    assert stores[0].dense(ANA, UNITS[2:3], Filter(), limit=1)[0][0].score == pytest.approx(1)
    for store in stores:
        store.close()

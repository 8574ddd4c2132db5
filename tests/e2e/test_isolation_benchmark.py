"""The benchmark of isolation, as a process, with a few operations of every kind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.processes import environment

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "isolation.py"


@pytest.mark.promise("isolation")
def test_a_few_operations_show_nothing_foreign_and_move_no_score(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--operations", "400", "--seed", "7", "--json"],
        env={**environment(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["broken"] == []
    assert done.returncode == 0
    figures = {row["what"]: row["figure"] for row in told["isolation"]}
    assert figures["operations"] == figures["answers scanned"] == 400
    assert figures["foreign words"] == figures["scores moved"] == figures["words in the log"] == 0
    assert figures["server errors"] == 0
    assert figures["scores compared"] > 0
    assert figures["holding one's own words"] > 200
    assert sum(row["times"] for row in told["operations"]) == 400
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp")], "it left something behind"

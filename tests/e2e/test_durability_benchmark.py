"""The benchmark of durability, as a process, with a few trials of each suite; what it promises must hold for these."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.processes import environment

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "durability.py"
COUNTED = ["lost", "duplicated", "torn", "unreadable", "traces left"]
FEW = {
    "kills": ["--trials", "13"],
    "races": ["--processes", "2", "--minutes", "0.05"],
    "erasures": ["--erasures", "6", "--sizes", "60,300", "--killed", "1"],
    "growth": ["--adds", "40", "--searches", "10"],
    "faults": ["--trials", "8"],
}
TABLES = {
    "kills": ["killed at any moment"],
    "races": ["on one folder"],
    "erasures": ["forgotten", "killed in the middle, then maintained"],
    "growth": ["added one by one", "searches, beside a fresh table", "bytes"],
    "faults": ["faults", "a file damaged at random"],
}


TOO_FEW = {"growth"}  # its ratios are of thousands of adds


def measured(folder: Path, suite: str) -> dict[str, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--suite", suite, "--json", *FEW[suite]],
        env={**environment(folder), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (1 if told["broken"] else 0)
    assert suite in TOO_FEW or told["broken"] == []
    assert not any(folder.iterdir()), "it left something behind"
    return dict(told[suite])


@pytest.mark.parametrize("suite", FEW)
def test_a_few_trials_keep_every_promise(tmp_path: Path, suite: str) -> None:
    tables = measured(tmp_path, suite)
    assert list(tables) == TABLES[suite]
    counted = [row for rows in tables.values() for row in rows if "lost" in row]
    assert counted
    assert all([row[name] for name in COUNTED] == [0] * 5 for row in counted), counted
    assert all(row["trials"] or row["seen"].startswith("not tried: ") for row in counted), counted

"""Pages say something: no line of them is left to be written."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.joinpath("docs").rglob("*.md"))]
PLACEHOLDER = re.compile(  # these words are what is looked for, nothing is left to do here
    r"^\W*(?:[A-Z]*FIGURES?|NUMBERS?|TABLES?|RESULTS?|TODO|TBD|FIXME|XXX+|PLACEHOLDER)\W*$", re.MULTILINE
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_a_page_is_a_placeholder(page: Path) -> None:
    assert PLACEHOLDER.findall(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", ["FIGURES", "TODO", "<!-- TBD -->", "**TODO:**", "[FIGURES]", "- XXX", "| TBD |"])
def test_a_bare_placeholder_is_seen(line: str) -> None:
    assert PLACEHOLDER.search(f"What was measured:\n\n{line}\n")


@pytest.mark.parametrize("line", ["Figures", "TODO lists are kept as memories.", "| TBD | 4 |", ""])
def test_a_sentence_is_none(line: str) -> None:
    assert not PLACEHOLDER.search(f"What was measured:\n\n{line}\n")

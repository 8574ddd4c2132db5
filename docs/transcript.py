"""Draws docs/transcript.svg from the output of the demo: `python examples/demo.py | python docs/transcript.py`."""

import sys
from html import escape
from pathlib import Path

LINE, TOP, LEFT, COLUMNS = 17, 44, 20, 108
COLOUR_BY_MARK = {"✓": "#7ee787", "person:": "#79c0ff", "Conversation": "#ffffff", "All as told": "#ffffff"}


def colour(line: str) -> str:
    return next((chosen for mark, chosen in COLOUR_BY_MARK.items() if mark in line), "#c9d1d9")


def main() -> None:
    lines = [line.rstrip("\n")[:COLUMNS] for line in sys.stdin]
    height, width = TOP + LINE * len(lines) + 16, LEFT * 2 + 8 * COLUMNS
    texts = "\n".join(
        f'<text x="{LEFT}" y="{TOP + LINE * number}" fill="{colour(line)}" xml:space="preserve">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    dots = "".join(
        f'<circle cx="{LEFT + 18 * number}" cy="20" r="6" fill="{chosen}"/>'
        for number, chosen in enumerate(["#ff5f56", "#ffbd2e", "#27c93f"])
    )
    Path(__file__).with_name("transcript.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Transcript of make demo" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13">\n'
        f'<rect width="{width}" height="{height}" rx="10" fill="#0d1117"/>\n{dots}\n{texts}\n</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

"""A bar chart as SVG, written by hand: it stands alone, on light and on dark ground."""

from collections.abc import Sequence
from html import escape
from typing import Any

from figures import INTERVAL

_WIDTH, _LABELS, _LINE, _TOP, _GAP = 720, 150, 28, 40, 24
_SCALE = _WIDTH - _LABELS - 70
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #6b7580 }
  .title { font-weight: 600 }
  .bar { fill: #9aa4b0 } .ours { fill: #3f7ee8 } .axis { stroke: #8b949e }
  .interval { stroke: #57606a; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #c9d1d9 } .bar { fill: #5b6570 } .interval { stroke: #c9d1d9 }
  }
"""
# The greys read on white and on black, for viewers that do not say which they show.
Panel = tuple[str, str, Sequence[dict[str, Any]]]
"""A title, the measure shown, and rows with `system`, the measure and its interval."""
OURS = "Scrubjay"


def bars(panels: Sequence[Panel]) -> str:
    """Return panels one below the other, every bar from 0 to 1 with its 95 % confidence interval."""
    parts, top = [], 0
    for title, measure, rows in panels:
        parts.append(_panel(title, measure, rows, top))
        top += _TOP + _LINE * len(rows) + _GAP
    described = escape("; ".join(title for title, _, _ in panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        f'role="img" aria-label="{described}">\n<style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(title: str, measure: str, rows: Sequence[dict[str, Any]], top: int) -> str:
    lines = [f'<text class="title" x="0" y="{top + 20}">{escape(title)}</text>']
    foot = top + _TOP + _LINE * len(rows) - 6
    lines += [f'<line class="axis" x1="{_LABELS}" x2="{_LABELS}" y1="{top + _TOP - 6}" y2="{foot}"/>']
    lines += [_bar(row, measure, top + _TOP + _LINE * number) for number, row in enumerate(rows)]
    return "\n".join(lines)


def _bar(row: dict[str, Any], measure: str, y: int) -> str:
    low, high = (_LABELS + _SCALE * bound for bound in row[measure + INTERVAL])
    middle, kind = y + 8, "ours" if row["system"].startswith(OURS) else "bar"
    return "\n".join(
        [
            f'<text x="{_LABELS - 10}" y="{y + 13}" text-anchor="end">{escape(row["system"])}</text>',
            f'<rect class="{kind}" x="{_LABELS}" y="{y}" width="{_SCALE * row[measure]:.1f}" height="16" rx="2"/>',
            f'<line class="interval" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>',
            f'<text x="{high + 8:.1f}" y="{y + 13}">{row[measure]:.3f}</text>',
        ]
    )

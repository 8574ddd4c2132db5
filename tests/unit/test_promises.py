import ast
from pathlib import Path

import pytest

from promises import PROMISES

TESTS = Path(__file__).parents[1]


def promises_kept() -> dict[str, list[str]]:
    """Return the tests by the promise they are marked with, read off the test files themselves."""
    kept: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise":
                        kept.setdefault(ast.literal_eval(mark.args[0]), []).append(node.name)
    return kept


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_is_kept_by_a_test(promise: str) -> None:
    assert promises_kept().get(promise), f"no test is marked with the promise {promise!r}"


def test_each_mark_names_a_promise() -> None:
    assert promises_kept().keys() <= PROMISES.keys()

"""The budgets: sizes of files and functions, annotations, docstrings."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "strandkeep"
GENERATED = {
    "protocol/shapes.py",
    "protocol/strandkeep_shapes.py",
    "errors/model.py",
    "catalog/migrations/versions/m0001_first.py",
}

FILES = sorted(path for path in ROOT.rglob("*.py") if str(path.relative_to(ROOT)) not in GENERATED)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(path: Path) -> int:
    return path.read_text().count("\n")


def test_the_median_file_is_short() -> None:
    assert statistics.median(map(lines, FILES)) <= 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_its_budget(path: Path) -> None:
    assert lines(path) <= 500
    for function in functions(path):
        where = f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        assert (function.end_lineno or 0) - function.lineno + 1 <= 60, f"{where} is longer than 60 lines"
        assert function.returns is not None, f"{where} does not say what it returns"
        if not function.name.startswith("_"):
            assert ast.get_docstring(function) or is_nested(path, function), f"{where} has no docstring"


def is_nested(path: Path, wanted: ast.AST) -> bool:
    """Whether a function stands inside another one, where its name is nobody's interface."""
    parents = (outer for outer in functions(path) if outer.lineno < wanted.lineno <= (outer.end_lineno or 0))
    return any(True for _ in parents)


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert not [path for path in ROOT.rglob("*.py") if path.stem in empty]

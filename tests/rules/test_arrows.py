"""The arrows: which package may import which, and nothing else."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "strandkeep"

#: What anyone may use: leaves that know nothing of the rest.
LEAVES = {"errors", "durable", "bucket_settings", "settings", "kill_points", "metrics", "logs"}

ALLOWED = {
    "errors": set(),
    "durable": set(),
    "bucket_settings": set(),
    "settings": set(),
    "kill_points": set(),
    "metrics": set(),
    "logs": set(),
    "folder": {"durable"},
    "domain": {"errors"},
    "protocol": {"errors"},
    "formats": {"errors"},
    "catalog": {"domain"},
    "blobs": {"domain"},
    "buckets": set(),
    "access": {"catalog", "domain"},
    "house": {"catalog", "blobs", "buckets", "domain"},
    "operations": {"catalog", "blobs", "access", "domain", "house", "protocol.shapes", "protocol.strandkeep_shapes"},
    "jobs": {"formats", "catalog", "blobs", "buckets", "domain", "house"},
    "http": {"operations", "protocol", "access", "domain", "house"},
    "cli": {"folder", "access", "app", "protocol.models", "domain"},
    "app": {"access", "blobs", "catalog", "domain", "folder", "house", "http", "jobs", "protocol"},
    "__main__": {"cli"},
    "__init__": set(),
}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """The modules of ours that a file imports, without the leading `strandkeep.`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "strandkeep":
            base = (node.module or "").partition(".")[2]
            found.update(f"{base}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(a.name.partition(".")[2] for a in node.names if a.name.startswith("strandkeep."))
    return found


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    own = package_of(path)
    for module in imports_of(path) - {"__version__"}:
        allowed = ALLOWED[own] | {own} | (set() if own in ("errors", "domain", "formats", "protocol") else LEAVES)
        assert any(module == name or module.startswith(name + ".") for name in allowed), f"{own} imports {module}"


def test_every_package_has_a_rule() -> None:
    assert {package_of(path) for path in modules()} == set(ALLOWED)


def test_a_forbidden_import_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("from strandkeep.http import edge\nimport strandkeep.catalog.tables\n")
    assert imports_of(file) == {"http.edge", "catalog.tables"}

"""The reference is complete: what is built stands in it, and what stands in it is built."""

import re
from pathlib import Path

import pytest

from strandkeep import errors, metrics
from strandkeep.catalog.tables import metadata
from strandkeep.cli import app
from strandkeep.operations.registry import OPERATIONS
from strandkeep.protocol.contract import served_operations
from strandkeep.settings import describe

DOCS = Path(__file__).parents[2] / "docs"
REPOSITORY = DOCS.parent
MODELS = {model.name: model for model in served_operations()}
#: Service → the page of its operations.
PAGES = {"omics": "operations.md", "strandkeep": "strandkeep-operations.md"}


def text(name: str) -> str:
    return (DOCS / "reference" / name).read_text()


def section(name: str) -> str:
    page = PAGES[MODELS[name].service_model.service_name]
    return text(page).split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_reference_has_every_operation_with_its_members(name: str) -> None:
    model = MODELS[name]
    members = [*model.input_shape.members, *(model.output_shape.members if model.output_shape else {})]
    assert [member for member in members if f"`{member}`" not in section(name)] == []
    assert f"`{model.http['method']} {model.http['requestUri']}`" in section(name)


def test_the_reference_has_no_operation_that_is_not_built() -> None:
    listed = [name for page in PAGES.values() for name in re.findall(r"^## (\w+)$", text(page), re.M)]
    assert sorted(listed) == sorted(OPERATIONS)


def test_an_operation_has_one_name_everywhere() -> None:
    for name, use in OPERATIONS.items():
        assert use.run.__name__ == re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    untested = [use.run.__name__ for use in OPERATIONS.values() if f"def test_{use.run.__name__}" not in tests]
    assert untested == []


def test_the_reference_has_every_setting() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text("settings.md"), re.M))
    assert listed == {name: about for name, _default, _unit, about in describe()}


def test_the_reference_has_every_error_with_its_status() -> None:
    listed = {(code, int(status)) for code, status in re.findall(r"^\| `(\w+)` \| (\d+) \|", text("errors.md"), re.M)}
    classes = [getattr(errors, name) for name in errors.__all__ if name != "ApiError"]
    assert listed == {(error.code, error.status) for error in classes}


def test_the_reference_has_every_command() -> None:
    commands = {name for name in app if not name.startswith("-")}
    assert set(re.findall(r"^## (\w+)$", text("commands.md"), re.M)) == commands


def test_the_reference_has_every_metric() -> None:
    listed = re.findall(r"^\| `(\w+)`(?: \{[\w, ]+\})? \| (\w+) \| (.*) \|$", text("metrics.md"), re.M)
    assert {name: (kind, about) for name, kind, about in listed} == metrics.describe()


def test_the_reference_has_every_table() -> None:
    listed = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text("catalog.md"), re.M)
    assert {name.strip("`") for names in listed for name in names.split(", ")} == set(metadata.tables)


@pytest.mark.parametrize(
    ("page", "modules", "families"),
    [
        ("fasta.md", ["fasta_refusals.py", "bgzf.py"], "fasta|bgzf"),
        ("fastq.md", ["fastq_refusals.py", "gunzip.py", "mates.py"], "fastq|gzip"),
    ],
)
def test_the_reference_has_every_rule_by_which_a_file_is_refused(page: str, modules: list[str], families: str) -> None:
    formats = REPOSITORY / "src" / "strandkeep" / "formats"
    sources = "".join((formats / name).read_text() for name in modules)
    rules = set(re.findall(rf'"((?:{families})\.[\w-]+)"', sources)) - {"bgzf.not-bgzf"}
    listed = re.findall(r"^\| (`[\w.-]+`(?:, `[\w.-]+`)*) \|", text(page), re.M)
    assert {name.strip("`") for names in listed for name in names.split(", ")} == rules


def test_links_lead_somewhere() -> None:
    pages = [REPOSITORY / "README.md", REPOSITORY / "ARCHITECTURE.md", *DOCS.rglob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert dead == []


def test_the_paths_in_the_architecture_exist() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:tests|docs|src|bench)/[\w./]+)`", text))
    named |= {f"src/strandkeep/{path}" for path in re.findall(r"`((?:\w+/)+\w*\.?\w*)`", text)} - {
        f"src/strandkeep/{path}" for path in named
    }
    assert [path for path in sorted(named) if not (REPOSITORY / path).exists()] == []

"""The zip that MultiQC reads: its structure, strictly, and the verdicts of FastQC's limits."""

import io
import zipfile
from typing import Any

import pytest

from strandkeep.cli.fastqc import fastqc_zip

MODULES = {
    "Basic Statistics": ["Measure", "Value"],
    "Per base sequence quality": [
        *("Base", "Mean", "Median", "Lower Quartile", "Upper Quartile", "10th Percentile", "90th Percentile"),
    ],
    "Per sequence quality scores": ["Quality", "Count"],
    "Per base sequence content": ["Base", "G", "A", "T", "C"],
    "Per sequence GC content": ["GC Content", "Count"],
    "Per base N content": ["Base", "N-Count"],
    "Sequence Length Distribution": ["Length", "Count"],
}


def cycle(first: int, last: int | None = None, quality: int | None = 37, **letters: int) -> dict[str, Any]:
    rated = dict.fromkeys(("p10", "p25", "p50", "p75", "p90"), quality) | {"mean": float(quality or 0)}
    counts = {"a": 25, "c": 25, "g": 25, "t": 25, "other": 0, **letters}
    return {"first": first, "last": last or first, **(rated if quality is not None else {}), **counts}


def source(**members: Any) -> dict[str, Any]:
    """An entry of GetReadSetQc: 100 reads of 3 bases."""
    bins = [{"shortest": 3, "longest": 3, "reads": 100}]
    lengths = {"shortest": 3, "longest": 3, "mean": 3.0, "n50": 3, "bins": bins}
    normal = [(30, 2), (40, 24), (45, 35), (50, 24), (60, 2)]
    return {
        **{"source": "SOURCE1", "reads": 100, "bases": 300, "lengths": lengths},
        "meanQualities": [{"quality": 35, "reads": 40}, {"quality": 37, "reads": 60}],
        "gc": [{"percent": percent, "reads": reads} for percent, reads in normal],
        "cycles": [cycle(1), cycle(2), cycle(3, a=20, other=5)],
        **members,
    }


def unpacked(**members: Any) -> dict[str, str]:
    _name, content = fastqc_zip("r_source1.fastq.gz", source(**members))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def modules(text: str) -> dict[str, tuple[str, list[list[str]]]]:
    """Name → verdict and rows, the columns first; every line must belong to one."""
    first, *lines = text.splitlines()
    assert first == "##FastQC\t0.12.1"
    found: dict[str, tuple[str, list[list[str]]]] = {}
    rows: list[list[str]] | None = None
    for line in lines:
        if line == ">>END_MODULE":
            assert rows is not None
            rows = None
        elif line.startswith(">>"):
            assert rows is None
            name, verdict = line[2:].split("\t")
            found[name] = (verdict, rows := [])
        else:
            assert rows is not None
            rows.append(line.split("\t"))
    assert rows is None
    return found


def data(**members: Any) -> dict[str, tuple[str, list[list[str]]]]:
    return modules(unpacked(**members)["r_source1_fastqc/fastqc_data.txt"])


def test_the_folder_is_the_first_entry_and_all_else_is_in_it() -> None:
    name, content = fastqc_zip("r_source1.fastq.gz", source())
    assert name == "r_source1_fastqc.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [
            "r_source1_fastqc/",
            "r_source1_fastqc/summary.txt",
            "r_source1_fastqc/fastqc_data.txt",
        ]


def test_the_same_facts_make_the_same_bytes() -> None:
    assert fastqc_zip("r.bam", source()) == fastqc_zip("r.bam", source())


@pytest.mark.parametrize(
    ("file_name", "name"), [("a.fastq.gz", "a"), ("a.bam", "a"), ("a.cram", "a"), ("a.gz.x", "a.gz.x")]
)
def test_the_zip_is_called_by_the_file(file_name: str, name: str) -> None:
    assert fastqc_zip(file_name, source())[0] == f"{name}_fastqc.zip"


def test_every_module_has_its_columns_and_stands_in_the_summary() -> None:
    files = unpacked()
    found = modules(files["r_source1_fastqc/fastqc_data.txt"])
    assert {name: rows[0] for name, (_verdict, rows) in found.items()} == {
        name: [f"#{columns[0]}", *columns[1:]] for name, columns in MODULES.items()
    }
    assert all(len(row) == len(rows[0]) for _verdict, rows in found.values() for row in rows)
    summary = [line.split("\t") for line in files["r_source1_fastqc/summary.txt"].splitlines()]
    assert summary == [[verdict.upper(), name, "r_source1.fastq.gz"] for name, (verdict, _rows) in found.items()]


def test_the_figures_are_those_of_the_facts() -> None:
    found = data(cycles=[cycle(1, a=30, t=20), cycle(2, 9, other=100, quality=None)])
    assert dict(found["Basic Statistics"][1][1:8]) == {  # type: ignore[arg-type]
        **{"Filename": "r_source1.fastq.gz", "File type": "Conventional base calls"},
        **{"Encoding": "Sanger / Illumina 1.9", "Total Sequences": "100", "Total Bases": "300"},
        **{"Sequences flagged as poor quality": "0", "Sequence length": "3"},
    }
    assert ["%GC", "50"] in found["Basic Statistics"][1]
    assert found["Per base sequence quality"][1][1:] == [["1", *["37.0"] * 6]]
    assert found["Per sequence quality scores"][1][1:] == [["35", "40.0"], ["36", "0.0"], ["37", "60.0"]]
    assert found["Per base sequence content"][1][1] == ["1", "25.0", "30.0", "20.0", "25.0"]
    assert found["Per base N content"][1][1:] == [["1", "0.0"], ["2-9", "50.0"]]
    assert found["Sequence Length Distribution"][1][1:] == [["3", "100.0"]]
    assert len(found["Per sequence GC content"][1]) == 102
    assert found["Per sequence GC content"][1][46] == ["45", "35.0"]


def lengths(shortest: int, longest: int) -> dict[str, Any]:
    return {"shortest": shortest, "longest": longest, "bins": [{"shortest": shortest, "longest": longest, "reads": 1}]}


@pytest.mark.parametrize(
    ("module", "members", "verdict"),
    [
        ("Per base sequence quality", {}, "pass"),
        ("Per base sequence quality", {"cycles": [cycle(1), cycle(2, quality=24)]}, "warn"),
        ("Per base sequence quality", {"cycles": [cycle(1), cycle(2, quality=19)]}, "fail"),
        ("Per sequence quality scores", {"meanQualities": [{"quality": 26, "reads": 9}]}, "warn"),
        ("Per sequence quality scores", {"meanQualities": [{"quality": 19, "reads": 9}]}, "fail"),
        ("Per base sequence content", {}, "pass"),
        ("Per base sequence content", {"cycles": [cycle(1, a=40, t=25)]}, "warn"),
        ("Per base sequence content", {"cycles": [cycle(1, g=80)]}, "fail"),
        ("Per sequence GC content", {"gc": [{"percent": p, "reads": 5} for p in (10, 90)]}, "fail"),
        ("Per base N content", {"cycles": [cycle(1, other=10)]}, "warn"),
        ("Per base N content", {"cycles": [cycle(1, other=50)]}, "fail"),
        ("Sequence Length Distribution", {}, "pass"),
        ("Sequence Length Distribution", {"lengths": lengths(2, 3)}, "warn"),
        ("Sequence Length Distribution", {"lengths": lengths(0, 3)}, "fail"),
    ],
)
def test_a_verdict_is_by_the_limits_of_fastqc(module: str, members: dict[str, Any], verdict: str) -> None:
    assert data(**members)[module][0] == verdict


def test_gc_as_a_normal_distribution_has_it_passes() -> None:
    counts = [(p, round(10_000 * 2.718281828 ** (-((p - 45) ** 2) / 50))) for p in range(20, 71)]
    gc = [{"percent": percent, "reads": reads} for percent, reads in counts if reads]
    assert data(gc=gc)["Per sequence GC content"][0] == "pass"


def test_a_file_without_bases_or_qualities_has_every_module() -> None:
    found = data(cycles=[], meanQualities=[], gc=[], lengths=lengths(0, 0))
    assert list(found) == list(MODULES)

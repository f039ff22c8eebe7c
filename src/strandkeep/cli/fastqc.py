"""QC facts as the zip that FastQC writes, which MultiQC and its likes read.

The modules have FastQC's names, columns and limits. `docs/reference/qc.md` says where the figures differ from FastQC's.
"""

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from strandkeep import __version__

Qc = Mapping[str, Any]

_FORMAT = "0.12.1"
_EXTENSIONS = (".gz", ".fastq", ".fq", ".bam", ".cram")
_PASS, _WARN, _FAIL = "pass", "warn", "fail"

#: zip knows no time before; the same facts make the same zip.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class _Module:
    name: str
    verdict: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def fastqc_zip(file_name: str, source: Qc) -> tuple[str, bytes]:
    """The name and the bytes of the zip of a source: an entry of GetReadSetQc, whose file has this name."""
    stem = file_name
    for extension in _EXTENSIONS:
        stem = stem.removesuffix(extension)
    folder = f"{stem}_fastqc"
    modules = [_basic(file_name, source), *(make(source) for make in _MODULES)]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # MultiQC takes the folder from the first entry.
        archive.writestr(zipfile.ZipInfo(f"{folder}/", _EPOCH), b"")
        for name, text in (("summary.txt", _summary(file_name, modules)), ("fastqc_data.txt", _data(modules))):
            entry = zipfile.ZipInfo(f"{folder}/{name}", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return f"{folder}.zip", packed.getvalue()


def _summary(file_name: str, modules: Sequence[_Module]) -> str:
    return "".join(f"{module.verdict.upper()}\t{module.name}\t{file_name}\n" for module in modules)


def _data(modules: Sequence[_Module]) -> str:
    lines = [f"##FastQC\t{_FORMAT}"]
    for module in modules:
        lines += [f">>{module.name}\t{module.verdict}", "#" + "\t".join(module.columns)]
        lines += ["\t".join(map(str, row)) for row in module.rows]
        lines.append(">>END_MODULE")
    return "\n".join(lines) + "\n"


def _basic(file_name: str, source: Qc) -> _Module:
    lengths, letters = source["lengths"], _letters(source["cycles"])
    shortest, longest = lengths["shortest"], lengths["longest"]
    rows = [
        ("Filename", file_name),
        ("File type", "Conventional base calls"),
        ("Encoding", "Sanger / Illumina 1.9"),
        ("Total Sequences", source["reads"]),
        ("Total Bases", source["bases"]),
        ("Sequences flagged as poor quality", 0),
        ("Sequence length", f"{shortest}-{longest}" if shortest != longest else longest),
        ("%GC", 100 * (letters["g"] + letters["c"]) // max(1, sum(letters.values()) - letters["other"])),
        ("Made by", f"Strandkeep {__version__}"),
    ]
    return _Module("Basic Statistics", _PASS, ("Measure", "Value"), rows)


def _base_quality(source: Qc) -> _Module:
    cycles = [cycle for cycle in source["cycles"] if "mean" in cycle]
    figures = ("mean", "p50", "p25", "p75", "p10", "p90")
    rows = [(_span(cycle["first"], cycle["last"]), *(float(cycle[name]) for name in figures)) for cycle in cycles]
    lower = min((cycle["p25"] for cycle in cycles), default=math.inf)
    median = min((cycle["p50"] for cycle in cycles), default=math.inf)
    verdict = _below((lower, 10, 5), (median, 25, 20))
    columns = ("Base", "Mean", "Median", "Lower Quartile", "Upper Quartile", "10th Percentile", "90th Percentile")
    return _Module("Per base sequence quality", verdict, columns, rows)


def _read_quality(source: Qc) -> _Module:
    counts = {entry["quality"]: entry["reads"] for entry in source["meanQualities"]}
    rows = [(quality, float(counts.get(quality, 0))) for quality in _range(counts)]
    most = max(counts, key=counts.__getitem__, default=math.inf)
    return _Module("Per sequence quality scores", _below((most, 27, 20)), ("Quality", "Count"), rows)


def _content(source: Qc) -> _Module:
    rows, apart = [], 0.0
    for cycle in source["cycles"]:
        known = max(1, sum(cycle[letter] for letter in "acgt"))
        g, a, t, c = (100 * cycle[letter] / known for letter in "gatc")
        rows.append((_span(cycle["first"], cycle["last"]), g, a, t, c))
        apart = max(apart, abs(a - t), abs(g - c))
    return _Module("Per base sequence content", _above(apart, 10, 20), ("Base", "G", "A", "T", "C"), rows)


def _gc(source: Qc) -> _Module:
    counts = [0] * 101
    for entry in source["gc"]:
        counts[entry["percent"]] = entry["reads"]
    rows = [(percent, float(reads)) for percent, reads in enumerate(counts)]
    return _Module("Per sequence GC content", _above(_from_normal(counts), 15, 30), ("GC Content", "Count"), rows)


def _n_content(source: Qc) -> _Module:
    percents = [
        (_span(cycle["first"], cycle["last"]), 100 * cycle["other"] / max(1, _all(cycle))) for cycle in source["cycles"]
    ]
    most = max((percent for _, percent in percents), default=0)
    return _Module("Per base N content", _above(most, 5, 20), ("Base", "N-Count"), percents)


def _lengths(source: Qc) -> _Module:
    bins, lengths = source["lengths"]["bins"], source["lengths"]
    rows = [(_span(entry["shortest"], entry["longest"]), float(entry["reads"])) for entry in bins]
    same = lengths["shortest"] == lengths["longest"]
    verdict = _FAIL if lengths["shortest"] == 0 else _PASS if same else _WARN
    return _Module("Sequence Length Distribution", verdict, ("Length", "Count"), rows)


_MODULES: Sequence[Callable[[Qc], _Module]] = (
    _base_quality,
    _read_quality,
    _content,
    _gc,
    _n_content,
    _lengths,
)


def _from_normal(counts: Sequence[int]) -> float:
    """Percent of reads that lie beside the normal distribution that FastQC would put over these."""
    total = sum(counts)
    if total < 2:
        return 0.0
    centre = _centre(counts)
    deviation = math.sqrt(sum((i - centre) ** 2 * n for i, n in enumerate(counts)) / (total - 1))
    if deviation == 0:
        return 0.0
    densities = (
        math.exp(-((i - centre) ** 2) / (2 * deviation**2)) / math.sqrt(2 * math.pi * deviation**2)
        for i in range(len(counts))
    )
    return 100 * sum(abs(density * total - n) for density, n in zip(densities, counts, strict=True)) / total


def _centre(counts: Sequence[int]) -> float:
    """The mode, averaged over the values beside it that nine tenths as many reads have."""
    mode = max(range(len(counts)), key=counts.__getitem__)
    near = [mode]
    for step, end in ((1, len(counts)), (-1, -1)):
        at = mode + step
        while at != end and counts[at] > 0.9 * counts[mode]:
            near.append(at)
            at += step
        if at == end:
            return mode
    return sum(near) / len(near)


def _letters(cycles: Sequence[Qc]) -> dict[str, int]:
    return {name: sum(cycle[name] for cycle in cycles) for name in ("a", "c", "g", "t", "other")}


def _all(cycle: Qc) -> int:
    return sum(cycle[name] for name in ("a", "c", "g", "t", "other"))


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _range(counts: Mapping[int, int]) -> Iterator[int]:
    return iter(range(min(counts), max(counts) + 1) if counts else ())


def _above(value: float, warn: float, fail: float) -> str:
    return _FAIL if value > fail else _WARN if value > warn else _PASS


def _below(*limits: tuple[float, float, float]) -> str:
    """The worst verdict over (value, warn below, fail below)."""
    if any(value < fail for value, _, fail in limits):
        return _FAIL
    return _WARN if any(value < warn for value, warn, _ in limits) else _PASS

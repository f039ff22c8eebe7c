"""QC facts on a terminal: a line of figures, qualities and bases by cycle as pictures, and what samtools would say."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from strandkeep.cli.screen import screen
from strandkeep.domain.file_names import uploaded_file_name

Qc = Mapping[str, Any]

_BLOCKS = " ▁▂▃▄▅▆▇█"
#: Columns of a picture at most, and the qualities that a line of the boxes stands for.
_WIDEST = 75
_STEP = 4
_LOWEST_TOP = 40

_LETTERS = {"a": "green", "c": "blue", "g": "yellow", "t": "red", "other": "bright_black"}


def show_qc(described: Qc, sources: Sequence[Qc]) -> None:
    """Print the facts of each source of a read set."""
    console = screen()
    console.print(f"[bold]{described['name']}[/]  read set {described['id']}", highlight=False)
    for source in sources:
        console.print()
        _show(console, uploaded_file_name(described["name"], described["fileType"], source["source"]), source)


def _show(console: Console, file_name: str, source: Qc) -> None:
    console.print(f"[bold cyan]{source['source']}[/]  {file_name}")
    console.print(Padding(_figures(source), (0, 0, 1, 2), expand=False))
    console.print(Padding(Group(*_pictures(source)), (0, 0, 0, 2), expand=False))
    if "alignment" in source:
        console.print(Padding(_alignment(source["alignment"]), (1, 0, 0, 2), expand=False))


def _figures(source: Qc) -> Table:
    lengths, qualities = source["lengths"], source["qualities"]
    letters = {name: sum(cycle[name] for cycle in source["cycles"]) for name in _LETTERS}
    known = sum(letters.values()) - letters["other"]
    shortest, longest = lengths["shortest"], lengths["longest"]
    figures = {
        "reads": f"{source['reads']:,}",
        "bases": _short(source["bases"]),
        "length": f"{longest:,}" if shortest == longest else f"{shortest:,} to {longest:,}",
        "N50": f"{lengths['n50']:,}",
        "≥ Q20": _percent(qualities.get("q20")),
        "≥ Q30": _percent(qualities.get("q30")),
        "errors": _percent(qualities.get("errorProbability")),
        "GC": _percent((letters["g"] + letters["c"]) / known if known else None),
        "N": _percent(letters["other"] / sum(letters.values()) if known else None),
    }
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*figures.values())
    return table


def _pictures(source: Qc) -> list[Text]:
    columns = _columns(source["cycles"])
    if not columns:
        return [Text("no bases", style="dim")]
    end = str(columns[-1][-1]["last"])
    axis = f"1{'cycle':^{max(0, len(columns) - 1 - len(end))}}{end}"
    return [
        *(_boxes(columns) if any("mean" in cycle for column in columns for cycle in column) else []),
        *(_letter_line(columns, letter, style) for letter, style in _LETTERS.items()),
        _label("").append(axis, style="dim"),
        Text(),
        _spread("GC %", {entry["percent"]: entry["reads"] for entry in source["gc"]}, 0, 100),
        _spread("mean Q", {entry["quality"]: entry["reads"] for entry in source["meanQualities"]}, 0, _LOWEST_TOP),
        *_length_line(source["lengths"]),
    ]


def _columns(cycles: Sequence[Qc]) -> list[Sequence[Qc]]:
    """Cycles in as many groups as a screen is wide."""
    wide = min(_WIDEST, len(cycles))
    return [cycles[i * len(cycles) // wide : (i + 1) * len(cycles) // wide] for i in range(wide)]


def _boxes(columns: Sequence[Sequence[Qc]]) -> list[Text]:
    """Qualities by cycle, as FastQC draws them: the median, the quartiles, and the tenths beyond."""
    rated = [[cycle for cycle in column if "mean" in cycle] for column in columns]
    top = max(_LOWEST_TOP, *(cycle["p90"] for column in rated for cycle in column))
    lines = []
    for low in range(top // _STEP * _STEP, -1, -_STEP):
        style = "green" if low >= 28 else "yellow" if low >= 20 else "red"
        line = _label(f"Q{low}")
        for column in rated:
            line.append(_box(column, low), style=style)
        lines.append(line)
    return lines


def _box(column: Sequence[Qc], low: int) -> str:
    if not column:
        return " "
    p10, p25, p50, p75, p90 = (sum(cycle[name] for cycle in column) / len(column) for name in _QUANTILES)
    high = low + _STEP
    if low <= p50 < high:
        return "█"
    if p25 < high and p75 >= low:
        return "▒"
    return "│" if p10 < high and p90 >= low else " "


_QUANTILES = ("p10", "p25", "p50", "p75", "p90")


def _letter_line(columns: Sequence[Sequence[Qc]], letter: str, style: str) -> Text:
    shares = []
    for column in columns:
        total = sum(cycle[name] for cycle in column for name in _LETTERS)
        shares.append(sum(cycle[letter] for cycle in column) / total if total else 0)
    name = "N" if letter == "other" else letter.upper()
    line = _label(name).append("".join(_block(share / 0.5) for share in shares), style=style)
    return line.append(f"  {_percent(max(shares))} at most", style="dim")


def _spread(name: str, counts: Mapping[int, int], first: int, last: int) -> Text:
    """Counts by value as a line, a column for each value or two."""
    last = max(last, *counts, first) if counts else last
    step = 2 if last - first > _WIDEST else 1
    bars = [sum(counts.get(value + i, 0) for i in range(step)) for value in range(first, last + 1, step)]
    most = max(bars, default=0)
    line = _label(name).append("".join(_block(n / most if most else 0) for n in bars), style="cyan")
    mode = max(counts, key=lambda value: counts[value], default=None)
    return line.append(f"  {first} to {last}, most at {mode}" if mode is not None else "  none", style="dim")


def _length_line(lengths: Qc) -> list[Text]:
    if lengths["shortest"] == lengths["longest"]:
        return []
    first, last = lengths["shortest"], lengths["longest"]
    wide = min(_WIDEST, last - first + 1)
    counts = [0] * wide
    for entry in lengths["bins"]:
        middle = min((entry["shortest"] + entry["longest"]) // 2, last)
        counts[(max(middle, first) - first) * wide // (last - first + 1)] += entry["reads"]
    bars = "".join(_block(n / max(counts)) for n in counts)
    return [_label("length").append(bars, style="cyan").append(f"  {first:,} to {last:,}", "dim")]


def _alignment(alignment: Qc) -> Group:
    passed, failed = alignment["flagstat"]["passed"], alignment["flagstat"]["failed"]
    both = {name: passed[name] + failed[name] for name in passed}
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    for name, words, whole in _FLAGSTAT:
        share = f"  {_percent(both[name] / both[whole])}" if whole and both[whole] else ""
        table.add_row(f"{both[name]:,}", f"{words}{share}")
    sizes = {entry["size"]: entry["pairs"] for entry in alignment["insertSizes"]}
    mapqs = {entry["mapq"]: entry["reads"] for entry in alignment["mapqs"]}
    return Group(table, Text(), _spread("MAPQ", mapqs, 0, 60), *_insert_line(sizes))


_FLAGSTAT = (
    ("total", "records", ""),
    ("primary", "primary", "total"),
    ("secondary", "secondary", "total"),
    ("supplementary", "supplementary", "total"),
    ("primaryMapped", "primary mapped", "primary"),
    ("primaryDuplicates", "primary duplicates", "primary"),
    ("properlyPaired", "properly paired", "pairedInSequencing"),
    ("singletons", "singletons", "pairedInSequencing"),
    ("withMateMappedToDifferentChr", "with mate on another contig", "pairedInSequencing"),
)


def _insert_line(sizes: Mapping[int, int]) -> list[Text]:
    """The inserts up to twice their median."""
    if not sizes:
        return []
    total, seen, median = sum(sizes.values()), 0, 0
    for size in sorted(sizes):
        seen += sizes[size]
        if 2 * seen >= total:
            median = size
            break
    end, wide = max(2 * median, 1), _WIDEST
    counts = [0] * wide
    for size, pairs in sizes.items():
        if size < end:
            counts[size * wide // end] += pairs
    bars = "".join(_block(n / max(counts)) if max(counts) else " " for n in counts)
    line = _label("insert").append(bars, style="cyan")
    return [line.append(f"  0 to {end:,}, median {median:,}", style="dim")]


def _label(name: str) -> Text:
    return Text().append(f"{name:<8}", style="dim")


def _block(share: float) -> str:
    """A block as high as the share, 0 to 1; the least that is not nothing can be seen."""
    return _BLOCKS[min(8, max(int(share * 8 + 0.5), share > 0))]


def _percent(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{100 * share:.2f} %" if share >= 0.0001 or share == 0 else f"{100 * share:.1g} %"


def _short(number: float) -> str:
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.4g}{unit}b"
        number /= 1000
    return f"{number:.4g} Tb"

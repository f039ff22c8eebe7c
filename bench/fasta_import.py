"""Examination of a reference: CPU per GB of FASTA text beside `md5sum` and `samtools faidx`, and the worker's memory.

The worker's CPU counts, not what reads the file and feeds it. The peer's two commands know the MD5 of the file and
the index. Ours also has the MD5 and the SHA-512 of each sequence and the SHA-256 of the file, and has looked at every
base.
"""

import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.figures import Figure, run_alone
from strandkeep.formats.examine import examine_fasta

_ROUNDS = 3
_CHUNK = 256 * 1024
_MIB = 1 << 20

_MOST_TIMES_PEER = 1.2
_MOST_MIB = 64

_BASES = bytes(b"ACGTacgt"[value & 7] for value in range(256))
_FAIDX = "import sys, pysam; pysam.samtools.faidx(sys.argv[1])"


def measure() -> list[Figure]:
    """The figures of examining references."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place:
        for name, text in _texts().items():
            path = Path(place) / "reference.fa"
            gigabytes = _write(path, text) / 1e9
            print(f"fasta_import: {name}, {gigabytes:.2f} GB")
            figures += _compared(name, path, gigabytes)
    return figures


def _compared(name: str, path: Path, gigabytes: float) -> list[Figure]:
    ours, peer = [], []
    for _ in range(_ROUNDS):
        ours.append(_children_cpu(lambda: examine_fasta(_chunks(path))) / gigabytes)
        peer.append(_children_cpu(lambda: _peer(path)) / gigabytes)
    unit, peer_name = "CPU s/GB of text", "md5sum; samtools faidx"
    return [
        Figure(f"FASTA, {name}", unit, ours, _MOST_TIMES_PEER, peer, peer_name, of_ratio=True),
        Figure(f"memory of its worker, {name}", "MiB RSS", [_peak_mib(path)], _MOST_MIB),
    ]


def _texts() -> Mapping[str, Iterator[bytes]]:
    bases = random.Random(1).randbytes(6_000_000).translate(_BASES)
    folded = b"".join(bases[at : at + 60] + b"\n" for at in range(0, len(bases), 60))
    return {
        "60 bases a line": (piece for number in range(80) for piece in (b">chr%d\n" % number, folded)),
        "1 GB on one line": iter([b">chr1\n", *[bases] * 166, b"\n"]),
    }


def _write(path: Path, text: Iterator[bytes]) -> int:
    with path.open("wb") as file:
        file.writelines(text)
        return file.tell()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _peer(path: Path) -> None:
    path.with_name(f"{path.name}.fai").unlink(missing_ok=True)
    subprocess.run(["md5sum", path], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-c", _FAIDX, path], check=True)


def _children_cpu(act: Callable[[], object]) -> float:
    """CPU seconds of child processes while something is done."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _peak_mib(path: Path) -> float:
    """The worker's largest resident set, looked up as it works."""
    peak = 0

    def look(_: object) -> None:
        nonlocal peak
        children = Path("/proc/thread-self/children").read_text().split()
        texts = [Path(f"/proc/{child}/status").read_text() for child in children]
        # A child that has just ended has no memory to tell of.
        kept = [text.partition("VmHWM:")[2].split()[0] for text in texts if "VmHWM:" in text]
        peak = max(peak, *(int(kib) * 1024 for kib in kept), 0)

    examine_fasta(_chunks(path), progress=look)
    return peak / _MIB


if __name__ == "__main__":
    run_alone(measure)

"""Ingest of BAM: CPU from Complete to ACTIVE beside samtools, for a large file and a small one; memory; two at once.

The whole server counts, the processes that it starts included; nothing is subtracted. The peer is what a person types
to know the same: the digest of the SAM text, an index and the flagstat counts, by pysam's own samtools. Each command is
a Python that loads pysam, whose start counts too; without the starts it is told beside it.
"""

import resource
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, run_alone
from bench.generated_bam import ABOUT, Bam, bam, samtools
from bench.ingest_place import Place, Upload, serving
from tests.server import wait_for_read_set

_ROUNDS = 3
_LONGEST_S = 300

_MOST_CPU = 4.5
_MOST_TIMES_SAMTOOLS = 0.65
_MOST_TIMES_SAMTOOLS_SMALL = 0.85
_MOST_MIB = 64
_MOST_OF_TWO = 0.65


def measure() -> list[Figure]:
    """The figures of BAM ingest."""
    large, small = bam(1020), bam(10)
    stored = large.file.stat().st_size
    print(f"bam_ingest: {large.text_bytes / 1e9:.2f} GB of SAM text in {stored / 1e6:.0f} MB of BAM ({ABOUT})")
    with serving(large, "BAM") as place:
        of_large = _cpu("BAM ingest", place, large, _MOST_TIMES_SAMTOOLS, _MOST_CPU)
        of_small = _cpu("BAM ingest, 10 MB", place, small, _MOST_TIMES_SAMTOOLS_SMALL)
        return [*of_large, *of_small, _memory(place, large), _two(place, large)]


def _cpu(name: str, place: Place, file: Bam, most_times: float, most: float | None = None) -> list[Figure]:
    gigabytes = file.text_bytes / 1e9
    ours, peer, bare = [], [], []
    for _ in range(_ROUNDS):
        ours.append(place.cpu(file) / gigabytes)
        commands = _samtools(file)
        peer.append(commands / gigabytes)
        bare.append((commands - _starts()) / gigabytes)
    unit = "CPU s/GB of text"
    return [
        *([Figure(name, unit, ours, most)] if most else []),
        Figure(name, unit, ours, most_times, peer, "samtools view | md5sum; index; flagstat", of_ratio=True),
        Figure(name, unit, ours, peer=bare, peer_name="the same without Python's start"),
    ]


def _samtools(file: Bam) -> float:
    """CPU seconds of the commands of samtools, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        view = subprocess.Popen(samtools("view", file.file), stdout=subprocess.PIPE)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["md5sum"], stdin=view.stdout, stdout=subprocess.DEVNULL, check=True)
        view.wait()
        _run(samtools("index", "-o", Path(folder) / "made.bai", file.file))
        _run(samtools("flagstat", file.file))
        return _since(before)


def _starts() -> float:
    """CPU seconds of three Pythons that load pysam and do nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        _run(samtools("version"))
    return _since(before)


def _run(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _since(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory(place: Place, file: Bam) -> Figure:
    start, peak = place.memory(file)
    return Figure("memory of a BAM's worker", "MiB PSS", [peak - start], _MOST_MIB, peer_name=f"{start:.0f} before")


def _two(place: Place, file: Bam) -> Figure:
    """The time of two files completed at once, beside one after the other."""
    together, apart = [], []
    for _ in range(_ROUNDS):
        uploads = [place.upload(file) for _ in range(2)]
        apart.append(sum(_wall([upload]) for upload in uploads))
        together.append(_wall([place.upload(file) for _ in range(2)]))
    return Figure("two BAMs at once", "s", together, _MOST_OF_TWO, apart, "one after the other", of_ratio=True)


def _wall(uploads: list[Upload]) -> float:
    """Seconds from the first Complete until all are ACTIVE."""
    begun = time.monotonic()
    place = uploads[0].place
    omics = place.server.client()
    ids = [upload.complete() for upload in uploads]
    for read_set in ids:
        wait_for_read_set(omics, place.store, read_set, _LONGEST_S)
    return time.monotonic() - begun


if __name__ == "__main__":
    run_alone(measure)

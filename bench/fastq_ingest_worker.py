"""The FASTQ worker against `zcat | md5sum`, which checks no record and counts nothing: CPU seconds per GB of text.

`python -m bench.fastq_ingest_worker [MB]` makes MB (default 500) of text: 100-150 bases, Illumina names, qualities of
four values in runs. It is packed with gzip -6 and with gzip -1; each side runs three times in turns, the best counts.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from strandkeep.formats.examine import examine_fastq

ROUNDS = 3


def write_text(path: Path, length: int) -> None:
    """Reads of a random genome of 4 Mb, until the file has `length` bytes."""
    rng = random.Random(1)
    genome = "".join(rng.choices("ACGT", k=4_000_000))
    qualities = [_quality(rng) for _ in range(4000)]
    with path.open("w") as file:
        for number in range(sys.maxsize):
            bases = 150 if rng.random() < 0.9 else rng.randint(100, 150)
            at, shift = rng.randrange(len(genome) - bases), rng.randrange(150)
            quality = qualities[rng.randrange(4000)]
            name = f"A00738:123:HXYZDSX2:1:{1101 + number // 99_999}:{number % 36_000}:{at % 32_000}"
            file.write(
                f"@{name} 1:N:0:ACGTACGT+TTGGCCAA\n{genome[at : at + bases]}\n"
                f"+\n{(quality[shift:] + quality[:shift])[:bases]}\n"
            )
            if number % 10_000 == 0 and file.tell() >= length:
                return


def _quality(rng: random.Random) -> str:
    runs = ""
    while len(runs) < 150:
        value = rng.choices("F:,#", weights=(85, 10, 4, 1))[0]
        runs += value * (int(rng.expovariate(1 / (25 if value == "F" else 1.3))) + 1)
    return runs[:150]


def chunks(path: Path) -> Iterator[bytes]:
    """The file as the server reads it, 256 KiB a time."""
    with path.open("rb") as file:
        while chunk := file.read(256 * 1024):
            yield chunk


def children_cost(act: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of child processes, and wall seconds, of doing something."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - begun


def compare(path: Path, gigabytes: float) -> None:
    """Print both costs and their ratio."""
    ours, peer = [], []
    for _ in range(ROUNDS):
        ours.append(children_cost(lambda: examine_fastq({"SOURCE1": chunks(path)}, algorithm="md5")))
        command = f"zcat {path} | md5sum"
        peer.append(children_cost(lambda command=command: subprocess.run(command, shell=True, capture_output=True)))
    (cpu, wall), (peer_cpu, peer_wall) = min(ours), min(peer)
    print(
        f"{path.name}: worker {cpu / gigabytes:.2f} CPU s/GB, {wall / gigabytes:.2f} s/GB; "
        f"zcat | md5sum {peer_cpu / gigabytes:.2f} and {peer_wall / gigabytes:.2f}; ratio of CPU {cpu / peer_cpu:.2f}"
    )


def main() -> None:
    """Make the data and compare at both levels."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "reads.fastq")
        write_text(text, megabytes * 1_000_000)
        for level in (6, 1):
            packed = Path(folder, f"level-{level}.fastq.gz")
            with packed.open("wb") as out:
                subprocess.run(["gzip", f"-{level}", "-c", str(text)], stdout=out, check=True)
            compare(packed, text.stat().st_size / 1e9)


if __name__ == "__main__":
    main()

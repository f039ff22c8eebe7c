"""Ingest of CRAM: CPU from Complete to ACTIVE beside `samtools view | md5sum`, and memory.

The whole server counts, the processes that it starts included; nothing is subtracted. The peer prints the same text
(`decode_md=0`) by pysam's own samtools and digests it, and neither counts nor indexes; the start of its Python counts.
What samtools prints by default, with the tags MD and NM made anew, is told beside it.
"""

import resource
import subprocess

from bench.figures import Figure, run_alone
from bench.generated_bam import ABOUT, Bam, cram, samtools
from bench.ingest_place import Place, serving

_ROUNDS = 4

_MOST_TIMES_SAMTOOLS = 1.1
_MOST_MIB = 64

_AS_STORED = ("--input-fmt-option", "decode_md=0")


def measure() -> list[Figure]:
    """The figures of CRAM ingest."""
    file = cram(1020)
    stored = file.file.stat().st_size
    print(f"cram_ingest: {file.text_bytes / 1e9:.2f} GB of SAM text in {stored / 1e6:.0f} MB of CRAM 3.0 ({ABOUT})")
    with serving(file, "CRAM") as place:
        return [*_cpu(place, file), _memory(place, file)]


def _cpu(place: Place, file: Bam) -> list[Figure]:
    gigabytes = file.text_bytes / 1e9
    ours, peer, by_default = [], [], []
    for _ in range(_ROUNDS):
        ours.append(place.cpu(file) / gigabytes)
        peer.append(_samtools(file, *_AS_STORED) / gigabytes)
        by_default.append(_samtools(file) / gigabytes)
    name, unit = "CRAM ingest, MD5", "CPU s/GB of text"
    return [
        Figure(name, unit, ours, _MOST_TIMES_SAMTOOLS, peer, "samtools view | md5sum", of_ratio=True),
        Figure(name, unit, ours, peer=by_default, peer_name="the same with MD and NM made anew"),
    ]


def _samtools(file: Bam, *options: str) -> float:
    """CPU seconds of `samtools view | md5sum`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    view = subprocess.Popen(samtools("view", *options, "-T", file.fasta, file.file), stdout=subprocess.PIPE)
    subprocess.run(["md5sum"], stdin=view.stdout, stdout=subprocess.DEVNULL, check=True)
    view.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory(place: Place, file: Bam) -> Figure:
    """MiB of the worker above the largest contig, which lies in memory while its slices are decoded."""
    start, peak = place.memory(file)
    longest = max(int(line.split("\t")[1]) for line in _index_of_reference(file)) / (1 << 20)
    before = f"{start:.0f} before, {longest:.0f} of contig"
    return Figure("memory of a CRAM's worker", "MiB PSS", [peak - start - longest], _MOST_MIB, peer_name=before)


def _index_of_reference(file: Bam) -> list[str]:
    return file.fasta.with_name(f"{file.fasta.name}.fai").read_text().splitlines()


if __name__ == "__main__":
    run_alone(measure)

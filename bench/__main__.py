"""Runs the benchmarks named as arguments, or all but the long ones, and prints one table."""

import importlib
import sys

from bench.figures import Figure, show

_ALL = (
    "part_upload",
    "part_download",
    "complete",
    "metadata",
    "fastq_ingest",
    "bam_ingest",
    "cram_ingest",
    "provenance",
    "qc",
    "fasta_import",
    "import_folder",
    "import_s3",
    "import_many",
    "import_resume",
    "import_start",
    "many_parts",
    "verify",
)

#: Run when they are named: `lists` makes catalogs of 6 GB and 9 GB first, which takes some minutes.
_LONG = ("lists",)


def main(names: list[str]) -> int:
    """Run benchmarks; 0 when every promise was kept, 1 when one was not, 2 for a name that does not exist."""
    unknown = sorted(set(names) - {*_ALL, *_LONG})
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(_ALL + _LONG)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in names or _ALL:
        figures += importlib.import_module(f"bench.{name}").measure()
    show(figures)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

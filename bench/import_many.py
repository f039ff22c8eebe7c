"""Import of four BAMs by one job: seconds, beside the same job on a server that imports one source after the other."""

import time

from bench.figures import Figure, run_alone
from bench.imports import FOLDER, Importer, importing

_SOURCES = 4
_ROUNDS = 3
_ASK_EVERY_S = 0.1

_MOST_OF_ONE_BY_ONE = 0.65


def measure() -> list[Figure]:
    """The figure of many sources at once."""
    print(f"import_many: {_SOURCES} times the BAM of import_folder in one job, from a folder; {_ROUNDS} rounds")
    together, apart = [], []
    with importing() as many, importing(import_workers="1") as one:
        for _ in range(_ROUNDS):
            together.append(_wall(many))
            apart.append(_wall(one))
    name = f"import of {_SOURCES} BAMs at once"
    return [Figure(name, "s", together, _MOST_OF_ONE_BY_ONE, apart, "one after the other", of_ratio=True)]


def _wall(importer: Importer) -> float:
    """Seconds from Start until the job has ended."""
    begun = time.monotonic()
    importer.run([importer.bam().source(FOLDER)] * _SOURCES, _ASK_EVERY_S)
    return time.monotonic() - begun


if __name__ == "__main__":
    run_alone(measure)

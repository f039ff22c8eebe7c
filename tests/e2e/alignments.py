"""A server on which alignments can be uploaded: with a mapped folder, and references imported from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.references import import_reference, map_folder
from tests.e2e.uploading import new_store, upload
from tests.formats.reference_files import GENOME, random_reference
from tests.server import RunningServer, start_server, wait_for_read_set

#: The same contigs as GENOME's, with other bases.
OTHER_GENOME = random_reference(dict(GENOME.dictionary), seed=2)


@dataclass(frozen=True)
class Place:
    """A server, a sequence store, and the ARNs of two references: the one that files lie on, and another one."""

    server: RunningServer
    omics: Any
    store_id: str
    genome: str
    other_genome: str
    folder: Path

    def upload(self, stored: bytes, file_type: str = "BAM", **members: Any) -> str:
        """Upload a file, with the reference unless another one, or "" for none, is given; the read set's id."""
        given = {"sourceFileType": file_type, "referenceArn": self.genome, **members}
        if not given["referenceArn"]:
            del given["referenceArn"]
        store_id = given.pop("store_id", self.store_id)
        return upload(self.omics, store_id, {"SOURCE1": stored}, part_size=50_000, **given)

    def settled(self, read_set_id: str, seconds: float = 60) -> dict[str, Any]:
        """The metadata of a read set once it has been checked."""
        return wait_for_read_set(self.omics, self.store_id, read_set_id, seconds)

    def ingested(self, stored: bytes, file_type: str = "BAM", **members: Any) -> dict[str, Any]:
        """Upload a file, and wait for what becomes of it."""
        return self.settled(self.upload(stored, file_type, **members))


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Place]:
    """A server in a folder."""
    genomes = folder / "genomes"
    genomes.mkdir(exist_ok=True)
    GENOME.write(genomes, "genome.fa")
    OTHER_GENOME.write(genomes, "other.fa")
    map_folder(folder / "data", genomes)
    with start_server(folder / "data", **settings) as server:
        omics = server.client()
        references = str(omics.create_reference_store(name="references")["id"])
        arns = [import_reference(omics, key, references) for key in ("genome.fa", "other.fa")]
        yield Place(server, omics, new_store(omics), *arns, genomes)

"""Small steps of an upload through boto3, for tests that are about something else."""

import gzip
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

MIB = 1024 * 1024

#: Which letter a random byte stands for; qualities are of a few values, as a run has them.
_BASES = bytes(b"ACGT"[byte % 4] for byte in range(256))
_QUALITIES = bytes(b"FFFFFFFFFF::,#"[byte % 14] for byte in range(256))


def new_store(omics: Any, **members: Any) -> str:
    """A new sequence store's id."""
    return str(omics.create_sequence_store(name="store", **members)["id"])


def new_upload(omics: Any, store_id: str, **members: Any) -> str:
    """A new FASTQ upload's id."""
    given = {"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample", "name": "reads", **members}
    return str(omics.create_multipart_read_set_upload(sequenceStoreId=store_id, **given)["uploadId"])


def send_parts(
    omics: Any, store_id: str, upload_id: str, parts: Sequence[bytes], source: str = "SOURCE1"
) -> list[dict[str, Any]]:
    """Send parts in order; the entries that Complete lists."""
    listed = []
    for number, payload in enumerate(parts, 1):
        key = {"sequenceStoreId": store_id, "uploadId": upload_id, "partSource": source, "partNumber": number}
        checksum = omics.upload_read_set_part(**key, payload=payload)["checksum"]
        listed.append({"partSource": source, "partNumber": number, "checksum": checksum})
    return listed


def upload(omics: Any, store_id: str, sources: Mapping[str, bytes], part_size: int = MIB, **members: Any) -> str:
    """Upload sources in parts and complete; the read set's id."""
    upload_id = new_upload(omics, store_id, **members)
    listed = []
    for source, content in sources.items():
        parts = [content[at : at + part_size] for at in range(0, len(content), part_size)]
        listed += send_parts(omics, store_id, upload_id, parts, source)
    answer = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    return str(answer["readSetId"])


def download(omics: Any, store_id: str, read_set_id: str, source: str = "SOURCE1") -> bytes:
    """All bytes of a source, part by part."""
    files = omics.get_read_set_metadata(sequenceStoreId=store_id, id=read_set_id)["files"]
    content = b""
    for number in range(1, files[source.lower()]["totalParts"] + 1):
        answer = omics.get_read_set(sequenceStoreId=store_id, id=read_set_id, file=source, partNumber=number)
        content += answer["payload"].read()
    return content


@cache
def fastq(reads: int, length: int = 100, mate: int = 1, seed: int = 1) -> bytes:
    """FASTQ text as an Illumina run names it; mates of one seed belong together."""
    chance = random.Random(seed * 10 + mate)
    records = []
    for number in range(reads):
        bases = _line(chance, _BASES, length)
        qualities = _line(chance, _QUALITIES, length)
        name = f"A00111:42:HFLOWCELL:3:1101:{number % 30000}:{number} {mate}:N:0:ACGT"
        records.append(f"@{name}\n{bases}\n+\n{qualities}\n")
    return "".join(records).encode()


def _line(chance: random.Random, letters: bytes, length: int) -> str:
    """Letters drawn by the bits of random bytes: many times faster than one by one."""
    return chance.randbytes(length).translate(letters).decode()


@cache
def gz(text: bytes) -> bytes:
    """Text as one gzip member."""
    return gzip.compress(text, 6, mtime=0)


def pair(reads: int, length: int = 100, seed: int = 1) -> dict[str, bytes]:
    """A sound pair of sources."""
    return {"SOURCE1": gz(fastq(reads, length, 1, seed)), "SOURCE2": gz(fastq(reads, length, 2, seed))}

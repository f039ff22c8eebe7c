"""A part of an upload: may it come, and what does Complete make of the parts that came?"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from strandkeep.domain import states
from strandkeep.errors import NotSupportedOperationException, ResourceNotFoundException, ValidationException

#: Bytes of the largest part, and of every part but the last that GetReadSet hands out.
PART_SIZE = 100 * 1024 * 1024

#: Types of which a second source may come.
PAIRED_TYPES = frozenset({"FASTQ"})


@dataclass(frozen=True)
class Part:
    """A part as the catalog keeps it. `sha256` is 64 hex digits; `size` is in bytes."""

    source: str
    number: int
    size: int
    sha256: str
    blob: str
    created: int
    updated: int

    @property
    def checksum(self) -> str:
        """The checksum as callers see it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


@dataclass(frozen=True)
class ListedPart:
    """A part as CompleteMultipartReadSetUpload lists it."""

    source: str
    number: int
    checksum: str

    def __str__(self) -> str:
        return f"part {self.number} of {self.source}"


def check_part_length(length: int | None) -> None:
    """Raise ValidationException unless a part may have this many bytes."""
    if length is None or length < 1:
        raise ValidationException(
            "payload: the part has no bytes. A part has 1 to 104857600 bytes; send Content-Length and the bytes."
        )
    if length > PART_SIZE:
        raise ValidationException(
            f"payload: the part has {length} bytes; at most {PART_SIZE} (100 MiB) are allowed. "
            "Split the file with `split -b 100MiB` or smaller."
        )


def check_part_source(file_type: str, source: str) -> None:
    """Raise ValidationException when a file of this type has no such source."""
    if source == "SOURCE2" and file_type not in PAIRED_TYPES:
        raise ValidationException(
            f"partSource: an upload of type {file_type} has one file, SOURCE1; only FASTQ may have a SOURCE2."
        )


def check_upload_open(upload_id: str, state: str | None) -> None:
    """Raise unless parts may come and go: ResourceNotFound once it is gone, NotSupportedOperation once completed."""
    if state == states.OPEN:
        return
    if state is None or state in (states.ABORTED, states.EXPIRED):
        raise upload_not_found(upload_id)
    raise NotSupportedOperationException(
        f"uploadId: the upload {upload_id} is completed; its parts cannot change any more. "
        "Follow its read set with GetReadSetMetadata."
    )


def upload_not_found(upload_id: str) -> ResourceNotFoundException:
    """The answer for an upload that never was, was aborted, or expired."""
    return ResourceNotFoundException(
        f"uploadId: the upload {upload_id!r} does not exist in this sequence store: "
        "it was never made, was aborted, or expired."
    )


def plan_completion(
    listed: Sequence[ListedPart], stored: Iterable[Part], file_type: str
) -> Mapping[str, Sequence[Part]]:
    """The files that a Complete makes: source → parts in the order of their numbers.

    Raises ValidationException, naming source and part, when a listed part was never sent, is listed twice or
    has another checksum, when the list is empty, or when SOURCE1 is missing. Nothing has changed then.
    """
    if not listed:
        raise ValidationException("parts: the list is empty; list every part with its checksum.")
    by_place = {(part.source, part.number): part for part in stored}
    files: dict[str, list[Part]] = {}
    seen: set[tuple[str, int]] = set()
    for entry in listed:
        check_part_source(file_type, entry.source)
        place = (entry.source, entry.number)
        if place in seen:
            raise ValidationException(f"parts: {entry} is listed twice.")
        seen.add(place)
        files.setdefault(entry.source, []).append(_matching(entry, by_place.get(place)))
    if "SOURCE1" not in files:
        raise ValidationException("parts: no part of SOURCE1 is listed; SOURCE2 alone makes no read set.")
    return {source: sorted(files[source], key=lambda part: part.number) for source in sorted(files)}


def fingerprint(listed: Iterable[ListedPart]) -> str:
    """One value for one list of parts, whatever its order and the form of its checksums."""
    rows = sorted((part.source, part.number, _checksum_bytes(part).hex()) for part in listed)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _matching(entry: ListedPart, part: Part | None) -> Part:
    if part is None:
        raise ValidationException(f"parts: {entry} was never sent; send it, then complete again.")
    if _checksum_bytes(entry) != bytes.fromhex(part.sha256):
        raise ValidationException(
            f"parts: the checksum of {entry} is {entry.checksum!r}, but the part here has {part.checksum!r}. "
            "Send the part again, or list the checksum that its upload answered."
        )
    return part


def _checksum_bytes(part: ListedPart) -> bytes:
    """The digest of a checksum given as base64 or as 64 hex digits; b'' for anything else, which matches nothing."""
    try:
        if len(part.checksum) == 64:
            return bytes.fromhex(part.checksum)
        return base64.b64decode(part.checksum, validate=True)
    except (ValueError, binascii.Error):
        return b""

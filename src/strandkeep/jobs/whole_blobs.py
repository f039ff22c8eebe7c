"""Blobs one by one: what is wrong with one of them keeps nobody from the others."""

from collections.abc import Iterator

from strandkeep.blobs import Blobs, DamagedBlob
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.damage import Damage, Finding


def whole_blob(place: Blobs, blob: StoredBlob) -> Iterator[bytes]:
    """All bytes of a blob; DamagedBlob also when the disk does not give them."""
    try:
        yield from place.read([blob.span(0, blob.length)])
    except OSError as fault:
        raise DamagedBlob(Finding(blob.name, Damage.UNREADABLE)) from fault

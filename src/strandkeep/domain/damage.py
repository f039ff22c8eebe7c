"""What can be wrong with stored bytes, and how it is told."""

from dataclasses import dataclass
from enum import StrEnum

from strandkeep.domain.blobs import BLOCK


class Damage(StrEnum):
    """How bytes differ from those that were stored."""

    MISSING = "MISSING"
    CUT_SHORT = "CUT_SHORT"
    BLOCK_DIFFERS = "BLOCK_DIFFERS"
    SHA256_DIFFERS = "SHA256_DIFFERS"
    UNREADABLE = "UNREADABLE"


_IN_WORDS = {
    Damage.MISSING: "blob {blob} is missing",
    Damage.CUT_SHORT: "blob {blob} ends within block {block}",
    Damage.BLOCK_DIFFERS: "block {block} of blob {blob} is not what was stored",
    Damage.SHA256_DIFFERS: "blob {blob} has another SHA-256 than what was stored, though each of its blocks fits",
    Damage.UNREADABLE: "blob {blob} cannot be read: the disk or the store that holds it fails",
}


@dataclass(frozen=True)
class Finding:
    """A blob that is not what was stored. `block` is the first one that is not, where that is known."""

    blob: str
    damage: Damage
    block: int | None = None

    def __str__(self) -> str:
        return _IN_WORDS[self.damage].format(blob=self.blob, block=self.block)

    @property
    def offset(self) -> int | None:
        """The first byte of the blob that cannot be trusted."""
        return None if self.block is None else self.block * BLOCK


def of_source(source: str, finding: Finding) -> str:
    """What a read set says of a file of which a blob is damaged."""
    return f"{source} is damaged: {finding}. What is damaged is never handed out; restore it from a backup."

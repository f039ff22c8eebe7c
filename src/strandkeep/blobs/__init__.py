"""Bytes: written once under a name never used before, checked by block on every read."""

from strandkeep.blobs.contract import Adoptable, Blobs, DamagedBlob, NewBlob, OutOfSpace
from strandkeep.blobs.local import LocalBlobs

__all__ = ["Adoptable", "Blobs", "DamagedBlob", "LocalBlobs", "NewBlob", "OutOfSpace"]

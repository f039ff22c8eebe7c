"""The digest of a file's text."""

import hashlib
from typing import Any

from strandkeep.formats._md5 import Md5
from strandkeep.formats.stored import StoredBytes


def new_digest(algorithm: str, stored: StoredBytes) -> Any:
    """A digest of `algorithm`, as hashlib names it; one by MD5 carries that of the stored bytes along."""
    if algorithm != "md5":
        return hashlib.new(algorithm, usedforsecurity=False)
    digest = Md5()
    digest.carry(stored.md5)
    return digest

"""Secrets of access keys, sealed under a key that lies outside the database and its backup."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strandkeep.durable import put_durably

_NONCE_BYTES = 12


class SealError(Exception):
    """The sealing key is not the one that the secrets were sealed under."""


class Sealer:
    """Seals and opens short secrets with AES-256-GCM; each is bound to the name it was sealed for."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, name: str, secret: str) -> bytes:
        """The secret as the database keeps it."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), name.encode())

    def open(self, name: str, sealed: bytes) -> str:
        """The secret; SealError when it was sealed under another key or for another name."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode()).decode()
        except InvalidTag:
            raise SealError(
                f"the secret of access key {name} cannot be opened: it was sealed under another secret.key; "
                "restore the secret.key that belongs to this database"
            ) from None


def open_sealer(path: Path) -> Sealer:
    """The sealer of the key in the file at `path`, which is made (mode 0600) when it is not there."""
    if not path.exists():
        new = path.with_suffix(".new")
        # What a first start that was killed left; only one server at a time comes here.
        new.unlink(missing_ok=True)
        put_durably(new, path, AESGCM.generate_key(256))
    return Sealer(path.read_bytes())

"""Encryption as callers ask for it."""

from collections.abc import Mapping
from typing import Any

from strandkeep.errors import ValidationException


def check_encryption(config: Mapping[str, Any] | None) -> None:
    """Raise ValidationException for a key that is not one of this installation: never accepted and ignored."""
    if config and "keyArn" in config:
        raise ValidationException(
            f"sseConfig.keyArn: {config['keyArn']!r} is not mapped to a key of this installation; leave keyArn out."
        )

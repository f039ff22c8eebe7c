"""Percent-encoding, as paths and queries carry it."""

import re
from urllib.parse import unquote_to_bytes

from strandkeep.protocol.problems import Invalid, shown

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def wire_bytes(text: str) -> bytes:
    """The bytes that a path, query or header value had on the wire, of which the text is a Latin-1 reading."""
    return text.encode("latin-1", "backslashreplace")


def decode(text: str) -> str:
    """The text of one path segment, query key or query value; `+` is a plus.

    Raises Invalid when an escape is broken or the bytes are not UTF-8.
    """
    if "%" not in text and text.isascii():
        return text
    if _BAD_ESCAPE.search(text):
        raise Invalid.here(f"{shown(text)} has a % that two hex digits do not follow")
    try:
        return unquote_to_bytes(wire_bytes(text)).decode()
    except UnicodeDecodeError:
        raise Invalid.here(f"{shown(text)} is not UTF-8") from None


def read_query(raw_query: str) -> dict[str, list[str]]:
    """Every key of a raw query with its values, both in order; raises Invalid, see decode()."""
    found: dict[str, list[str]] = {}
    for piece in raw_query.split("&"):
        if piece:
            key, _, value = piece.partition("=")
            found.setdefault(decode(key), []).append(decode(value))
    return found

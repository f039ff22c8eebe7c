"""Checks of strings, integers and timestamps, compiled from their shapes.

Lengths count Unicode code points.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import inf
from typing import Any

import regex
from botocore.model import Shape, StringShape

from strandkeep.protocol.problems import Invalid, shown
from strandkeep.protocol.timestamps import read_timestamp

Check = Callable[[Any], Any]
"""Takes a value of a request and returns it as operations get it, or raises Invalid."""

_BITS = {"integer": 31, "long": 63}

# The model's pattern for Range has no letters, so it would refuse every `bytes=0-9` that clients send.
_PATTERNS_NOT_HELD = frozenset({"Range"})


def string_check(shape: StringShape) -> Check:
    """A string of the shape's length, pattern and enum that a database can store."""
    if shape.enum:
        return _enum_check(shape.enum)
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", inf)
    pattern = "" if shape.name in _PATTERNS_NOT_HELD else shape.metadata.get("pattern", "")
    matches = _compiled(pattern).fullmatch if pattern else None

    def check(value: Any) -> str:
        if type(value) is not str:
            raise Invalid.here(f"{shown(value)} is not a string")
        if not least <= len(value) <= most:
            raise wrong_size(value, "character", len(value), least, most)
        if "\0" in value or not (value.isascii() or _is_unicode(value)):
            raise Invalid.here(f"{shown(value)} has a NUL or half a surrogate pair, which cannot be stored")
        if matches and not matches(value):
            raise _mismatch(value, pattern)
        return value

    return check


def integer_check(shape: Shape) -> Check:
    """An integer in the shape's range, or in that of its type; true and 1.0 are none."""
    bound = 2 ** _BITS[shape.type_name]
    least, most = shape.metadata.get("min", -bound), shape.metadata.get("max", bound - 1)

    def check(value: Any) -> int:
        if type(value) is not int:
            raise Invalid.here(f"{shown(value)} is not an integer")
        if value < least:
            raise Invalid.here(f"{shown(value)} is below the minimum of {least}")
        if value > most:
            raise Invalid.here(f"{shown(value)} is above the maximum of {most}")
        return value

    return check


def timestamp_check(_: Shape) -> Check:
    """A moment, see read_timestamp()."""
    return read_timestamp


def read_integer(text: str) -> int:
    """An integer in a query, header or path: decimal digits and nothing else; raises Invalid."""
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise Invalid.here(f"{shown(text)} is not an integer")
    if len(text) > 20:
        raise Invalid.here(f"{shown(text)} is not an integer of 64 bits")
    return int(text)


def wrong_size(value: Any, unit: str, size: int, least: int, most: float) -> Invalid:
    """The problem of a value that is too short or too long."""
    limit = f"at least {least} needed" if size < least else f"at most {most} allowed"
    return Invalid.here(f"{shown(value)} has {size} {unit}{'s' * (size != 1)}, {limit}")


def _enum_check(values: Sequence[str]) -> Check:
    known = frozenset(values)

    def check(value: Any) -> str:
        if type(value) is not str or value not in known:
            raise Invalid.here(f"{shown(value)} is not one of {', '.join(values)}")
        return value

    return check


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    # In V1 `||` inside a set would be a union; in V0 it is two bars, as the model means it.
    return regex.compile(pattern, regex.VERSION0)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mismatch(value: str, pattern: str) -> Invalid:
    what = f"{shown(value)} does not match {pattern}"
    if pattern.startswith("[") and pattern.endswith("]+"):
        start = _compiled(pattern).match(value)
        place = start.end() if start else 0
        what += f", see character {place + 1}: {value[place]!r}"
    return Invalid.here(what)

"""How far the import of a source is, as rows keep it and as people read it."""

from collections.abc import Mapping
from typing import Any

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def sentence(progress: Mapping[str, Any] | None) -> str | None:
    """`45 % done: 482 of 1,070 MB, at 85 MB/s.`; None before anything is known."""
    if not progress or not progress.get("size"):
        return None
    done, size, rate = min(progress["stored"], progress["size"]), progress["size"], progress["rate"]
    power = _power(size)
    pace = f", at {_amount(rate, _power(rate))} {_UNITS[_power(rate)]}/s" if rate else ""
    percent = 100 * done // size
    return f"{percent} % done: {_amount(done, power)} of {_amount(size, power)} {_UNITS[power]}{pace}."


def _power(amount: int) -> int:
    """The unit of an amount: thousands of it are the next one's."""
    return next((n for n in range(len(_UNITS) - 1) if amount < 10_000 * 1000**n), len(_UNITS) - 1)


def _amount(amount: int, power: int) -> str:
    return f"{amount / 1000**power:,.0f}"

"""The filters of lists, as plain Python over items as they are shown."""

from datetime import datetime
from typing import Any

#: Filters of time: the member that they compare.
TIMES = {"created": "creationTime", "updated": "updateTime"}


def passes(item: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether an item passes every filter: members are equal; times, as they are shown, lie within the bounds."""
    return all(_passes(item, name, value) for name, value in wanted.items())


def _passes(item: dict[str, Any], name: str, value: Any) -> bool:
    if name.endswith("After"):
        return bool(shown(item[TIMES[name.removesuffix("After")]]) > value)
    if name.endswith("Before"):
        return bool(shown(item[TIMES[name.removesuffix("Before")]]) < value)
    # An empty referenceArn asks for what has no reference.
    return bool(item.get(name) == (value or None))


def shown(moment: datetime) -> datetime:
    """A time as callers see it: in whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

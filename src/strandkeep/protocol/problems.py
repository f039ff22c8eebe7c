"""What is wrong with a request: collected where it is found, told in one message."""

import json
from collections.abc import Iterable
from typing import Any, Self

from strandkeep.errors import ValidationException

ENOUGH = 100
"""So many problems are collected of one list or map: a hostile body must not cost more than a good one."""

_TOLD = 5
_SHOWN = 40


class Invalid(Exception):
    """Problems of one value: pairs of the path below that value and what is wrong there.

    A check raises it for its own value; whoever holds that value prefixes the path. So a path is built
    only when something is wrong, and checking a good request costs nothing for it.
    """

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems

    @classmethod
    def here(cls, what: str) -> Self:
        """One problem, of the value itself."""
        return cls([("", what)])

    def below(self, step: str) -> Iterable[tuple[str, str]]:
        """The problems as the holder of the value sees them; a step is `.member`, `[3]` or `["key"]`."""
        return ((step + path, what) for path, what in self.problems)

    def error(self) -> ValidationException:
        """The answer to the caller: how many problems there are, and the first five of them."""
        count = len(self.problems)
        many = " or more" if count >= ENOUGH else ""
        told = [f"{path.removeprefix('.')}: {what}" for path, what in self.problems[:_TOLD]]
        if count > _TOLD:
            told.append(f"and {count - _TOLD}{many or ' more'}")
        return ValidationException(f"{count}{many} validation error{'s' * (count > 1)}: {'; '.join(told)}")


def shown(value: Any) -> str:
    """A value of a request as a message shows it: short, on one line, and encodable whatever it holds."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else repr(value[:_SHOWN]) + "…"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

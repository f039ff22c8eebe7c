"""The log: one line for each thing worth telling, on stderr, as JSON for programs or as text for people.

Every line that is written while a request or a job runs says which: `about` sets it, whatever writes the line.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 (never changed in place)

#: Loggers of libraries that bring handlers of their own, unless they are given one.
_LIBRARIES = ("_granian", "granian.access", "dbos")


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """Let every line that is written inside carry these facts, such as `request_id`."""
    token = _ABOUT.set({**_ABOUT.get(), **facts})
    try:
        yield
    finally:
        _ABOUT.reset(token)


class JsonLines(logging.Formatter):
    """A line is one JSON object: time, level, logger, message, what it is about, and a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_ABOUT.get(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """The same for people: tracebacks take lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        facts = {**_ABOUT.get(), **getattr(record, "facts", {})}
        told = "".join(f" {name}={value}" for name, value in facts.items())
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {record.getMessage()}{told}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configuration(form: str, level: str) -> dict[str, Any]:
    """What logging.config.dictConfig takes, for lines of `form` (json or text) from `level` on.

    Libraries tell only what went wrong; granian and DBOS do so in the same form.
    """
    formatter = f"{__name__}.{'JsonLines' if form == 'json' else 'TextLines'}"
    through_ours = {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"strandkeep": {"level": level.upper()}, **dict.fromkeys(_LIBRARIES, through_ours)},
    }


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

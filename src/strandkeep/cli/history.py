"""`strandkeep events` and `strandkeep audit`: tables for a person, lines of JSON for a program."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table
from rich.text import Text

from strandkeep.cli.client import NoInstallation, client
from strandkeep.cli.moments import moment
from strandkeep.cli.screen import screen
from strandkeep.domain.eventbridge import as_eventbridge

Item = Mapping[str, Any]

_POLL_S = 1.0
_PAGE = 1000
#: What --follow shows of the past when nobody says from when on.
_BEFORE_FOLLOWING = 10

_COLOURS = {"ACTIVE": "green", "COMPLETED": "green", "ok": "green"}
_BAD = ("FAILED", "DELETED", "EXPIRED", "ABORTED", "UPLOAD_FAILED")


@dataclass(frozen=True)
class Asked:
    """What a person asked for: filters by member (None: not given), and how to print it."""

    filters: Mapping[str, str | None]
    limit: int
    as_json: bool

    def filter(self) -> dict[str, Any]:
        """The filter of the request."""
        given: dict[str, Any] = {name: value for name, value in self.filters.items() if value is not None}
        now = datetime.now(UTC)
        if "since" in given:
            # The filter's bound is exclusive, in milliseconds.
            given["createdAfter"] = moment(given.pop("since"), now) - timedelta(milliseconds=1)
        if "until" in given:
            given["createdBefore"] = moment(given.pop("until"), now)
        return given


def print_events(data_dir: Path, asked: Asked, *, follow: bool, after: int | None, eventbridge: bool) -> int:
    """Print events; the exit status."""

    def run() -> None:
        filters = asked.filter()
        resource = filters.pop("resource", None)
        if resource is not None:
            filters["resourceArn" if resource.startswith("arn:") else "resourceId"] = resource
        strandkeep = client(data_dir, "strandkeep")
        show: Callable[[Iterable[Item]], None] = EventTable().show
        if asked.as_json or eventbridge:
            show = _lines(as_eventbridge if eventbridge else lambda event: event)
        if follow or after is not None:
            for page in _from(strandkeep, filters, after, follow):
                show(page)
        else:
            show(_newest(strandkeep, "list_events", "events", filters, asked.limit))

    return _run(run)


def print_audit(data_dir: Path, asked: Asked) -> int:
    """Print records of the audit trail; the exit status."""

    def run() -> None:
        filters = asked.filter()
        if "action" in filters and ":" not in filters["action"]:
            filters["action"] = _action(filters["action"])
        records = _newest(client(data_dir, "strandkeep"), "list_audit_records", "records", filters, asked.limit)
        (_lines(lambda record: record) if asked.as_json else _audit_table)(records)

    return _run(run)


def _run(work: Callable[[], None]) -> int:
    try:
        work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has enough; what the interpreter flushes at its end must find a place to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (BotoCoreError, ClientError, NoInstallation, ValueError) as reason:
        print(f"strandkeep: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _newest(strandkeep: Any, operation: str, member: str, filters: Item, limit: int) -> Iterator[Item]:
    pages = strandkeep.get_paginator(operation).paginate(
        filter=filters, PaginationConfig={"PageSize": min(limit or _PAGE, _PAGE)}
    )
    found = (item for page in pages for item in page[member])
    return islice(found, limit) if limit else found


def _from(strandkeep: Any, filters: Item, after: int | None, follow: bool) -> Iterator[list[Item]]:
    """Pages of events in order, from behind an id (or the latest ones) on; with `follow` it never ends."""
    if after is None:
        first, after = _before_following(strandkeep, filters)
        yield first
    while True:
        page = strandkeep.list_events(filter=filters, afterId=after, maxResults=_PAGE)["events"]
        if page:
            after = page[-1]["id"]
            yield page
        elif follow:
            time.sleep(_POLL_S)
        else:
            return


def _before_following(strandkeep: Any, filters: Item) -> tuple[list[Item], int]:
    """The events to begin with, and the id behind which to go on: nothing in between is left out or told twice."""
    if "createdAfter" in filters:
        return [], 0
    latest = strandkeep.list_events(maxResults=1)["events"]
    end = max((event["id"] for event in latest), default=0)
    shown = strandkeep.list_events(filter=filters, maxResults=_BEFORE_FOLLOWING)["events"]
    return sorted((event for event in shown if event["id"] <= end), key=lambda event: event["id"]), end


def _action(operation: str) -> str:
    from botocore.loaders import Loader

    from strandkeep.protocol.models import MODELS

    own = Loader(extra_search_paths=[str(MODELS)]).load_service_model("strandkeep", "service-2")["operations"]
    return f"{'strandkeep' if operation in own else 'omics'}:{operation}"


def _lines(form: Callable[[Item], Item | None]) -> Callable[[Iterable[Item]], None]:
    def show(items: Iterable[Item]) -> None:
        for item in items:
            line = form(item)
            if line is not None:
                print(json.dumps(line, default=_plain))  # noqa: T201
        sys.stdout.flush()

    return show


def _plain(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(value: datetime) -> str:
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _state(text: str) -> Text:
    return Text(text, style="red" if text in _BAD else _COLOURS.get(text, ""))


class EventTable:
    """Events as lines of a table that may go on."""

    def __init__(self) -> None:
        self._begun = False

    def show(self, events: Iterable[Item]) -> None:
        """Print some more events."""
        table = Table(box=None, pad_edge=False, show_header=not self._begun)
        table.add_column("id", min_width=7, justify="right")
        for name, width in {"time": 19, "kind": 13, "resource": 16}.items():
            table.add_column(name, min_width=width, no_wrap=True)
        table.add_column("event", min_width=len("IN_PROGRESS → COMPLETED"), overflow="fold")
        table.add_column("by", overflow="fold")
        for event in events:
            table.add_row(
                *(str(event["id"]), _time(event["creationTime"]), event["resourceKind"], event["resourceId"]),
                *(_what(event), _who(event["principal"])),
            )
        if table.row_count or not self._begun:
            screen().print(table)
        self._begun = True


def _what(event: Item) -> Text:
    if event["kind"] == "state":
        text = Text.assemble(f"{event['before']} → " if event.get("before") else "", _state(event["after"]))
    else:
        text = Text(event["kind"], style="yellow")
    return text.append(f"  {event['statusMessage']}", style="dim") if event.get("statusMessage") else text


def _who(principal: str | None) -> str:
    return _end(principal or "not proved")


def _end(name: str) -> str:
    """The end of an ARN or an action: within an installation its beginning tells nothing."""
    return name.rpartition(":")[2]


def _audit_table(records: Iterable[Item]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("time", "by", "from", "action", "resource", "outcome"):
        table.add_column(name, no_wrap=name in ("time", "action"), overflow="fold")
    table.add_column("calls", justify="right")
    for record in records:
        table.add_row(
            *(_time(record["creationTime"]), _who(record.get("principal")), record.get("sourceAddress", "")),
            *(
                _end(record["action"]),
                _end(record["resource"]).removeprefix("sequenceStore/").removeprefix("referenceStore/"),
            ),
            *(_outcome(record), str(record["count"])),
        )
    screen().print(table)


def _outcome(record: Item) -> Text:
    if record["outcome"] == "ok":
        return _state("ok")
    return Text(record["outcome"], style="red" if record["decision"] == "denied" else "yellow")

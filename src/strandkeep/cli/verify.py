"""`strandkeep verify`: a verification is started, watched, and its report printed by read set."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from strandkeep.cli.client import NoInstallation, client
from strandkeep.cli.screen import screen

_SOUND, _DAMAGED, _TROUBLE, _INTERRUPTED = 0, 1, 2, 130

_POLL_S = 0.5
#: How often a line is printed where no bar can be drawn.
_LINE_S = 10.0

_ENDED = ("COMPLETED", "FAILED", "CANCELLED")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

Item = Mapping[str, Any]


class Trouble(Exception):
    """Why there is no report, in words for the person who asked for one."""


@dataclass(frozen=True)
class Scope:
    """What to verify, and how fast; what is None is not given."""

    store: str | None
    read_set: str | None
    sample: int | None
    unverified_days: int | None
    rate: str | None

    def request(self) -> dict[str, Any]:
        """The members of StartVerification; Trouble for what cannot be asked for."""
        if self.read_set and not self.store:
            raise Trouble("--read-set needs --store: give the store in which the read set is")
        members = {
            "sequenceStoreId": self.store,
            "readSetId": self.read_set,
            "samplePercent": self.sample,
            "unverifiedDays": self.unverified_days,
            "bytesPerSecond": None if self.rate is None else _bytes(self.rate),
        }
        return {name: value for name, value in members.items() if value is not None}


def run_verify(data_dir: Path, scope: Scope, shown: str | None, *, wait: bool, as_json: bool) -> int:
    """Verify and report; `shown` is the id of a verification to report on instead. The exit status."""
    verification_id = shown
    try:
        request = scope.request()
        strandkeep = client(data_dir, "strandkeep")
        verification_id = shown or strandkeep.start_verification(**request)["id"]
        if wait:
            _watch(strandkeep, verification_id)
        return _report(strandkeep, verification_id, as_json)
    except KeyboardInterrupt:
        _tell(f"Verification {verification_id} goes on in the server; `strandkeep verify --id` shows it.")
        return _INTERRUPTED
    except (BotoCoreError, ClientError, NoInstallation, Trouble) as reason:
        _tell(f"strandkeep: {reason}")
        return _TROUBLE


def _bytes(text: str) -> int:
    """Bytes of `1048576`, `64M` or `1G`."""
    digits, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if not digits.isdecimal() or unit not in _UNITS:
        raise Trouble(f"--rate is {text!r}; it must be bytes per second, such as 1048576, 64M or 1G")
    return int(digits) * _UNITS[unit]


def _watch(strandkeep: Any, verification_id: str) -> None:
    """Show how far it comes, until it has ended: a bar, or lines where none can be drawn."""
    console = Console(stderr=True, highlight=False)
    states = _states(strandkeep, verification_id)
    if console.is_terminal:
        _bar(console, states)
    else:
        _lines(states)


def _states(strandkeep: Any, verification_id: str) -> Iterator[Item]:
    while True:
        found = strandkeep.get_verification(id=verification_id)
        yield found
        if found["status"] in _ENDED:
            return
        time.sleep(_POLL_S)


def _bar(console: Console, states: Iterator[Item]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("Verify", total=None)
        for found in states:
            done, total = found.get("bytesDone"), found.get("bytesTotal")
            bar.update(task, description=_doing(found), completed=done, total=total)


def _doing(found: Item) -> str:
    if found["status"] == "SUBMITTED":
        return "Waiting"
    return f"[red]{found['findingCount']:,} damaged[/]" if found["findingCount"] else "Verifying"


def _lines(states: Iterator[Item]) -> None:
    due = time.monotonic()
    for found in states:
        if time.monotonic() >= due and "bytesTotal" in found:
            due = time.monotonic() + _LINE_S
            done, total = _size(found["bytesDone"]), _size(found["bytesTotal"])
            _tell(f"verified {done} of {total}, {found['findingCount']} damaged so far")


def _report(strandkeep: Any, verification_id: str, as_json: bool) -> int:
    found = {
        name: value for name, value in strandkeep.get_verification(id=verification_id).items() if name[0].islower()
    }
    findings = list(_findings(strandkeep, verification_id))
    if as_json:
        print(json.dumps({**found, "findings": findings}, default=_plain))  # noqa: T201
    else:
        _print(found, findings)
    if findings:
        return _DAMAGED
    return _TROUBLE if found["status"] in ("FAILED", "CANCELLED") else _SOUND


def _findings(strandkeep: Any, verification_id: str) -> Iterator[Item]:
    for page in strandkeep.get_paginator("list_verification_findings").paginate(id=verification_id):
        yield from page["findings"]


def _print(found: Item, findings: Sequence[Item]) -> None:
    console = screen()
    for holder, damaged in groupby(findings, _holder):
        console.print(f"[bold]{holder}[/]", soft_wrap=True)
        console.print(_table(damaged))
    console.print(_summary(found, findings), soft_wrap=True)


def _holder(finding: Item) -> str:
    if "referenceId" in finding:
        return f"Reference {finding['referenceId']} of reference store {finding['referenceStoreId']}"
    what = f"Read set {finding['readSetId']}" if "readSetId" in finding else f"Open upload {finding['uploadId']}"
    return f"{what} of sequence store {finding['sequenceStoreId']}"


def _table(findings: Iterable[Item]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    for justify in ("left", "right", "left", "left"):
        table.add_column(justify=justify, overflow="fold")
    for finding in findings:
        place = f"from byte {finding['offset']:,}"
        table.add_row(_source(finding), place, f"[red]{_damage(finding)}[/]", f"blob {finding['blob']}")
    return table


def _source(finding: Item) -> str:
    return f"{finding['source']} part {finding['partNumber']}" if "partNumber" in finding else str(finding["source"])


def _damage(finding: Item) -> str:
    words = finding["damage"].lower().replace("_", " ").replace("sha256", "SHA-256")
    return f"block {finding['block']} differs" if words == "block differs" else words


def _summary(found: Item, findings: Sequence[Item]) -> str:
    about, damaged = f"Verification {found['id']}", len({finding["blob"] for finding in findings})
    if "blobsTotal" not in found:
        return f"{about} is {found['status']}; `strandkeep verify --id {found['id']}` shows how far it is."
    if found["status"] != "COMPLETED":
        return f"{about} is {found['status']} after {_extent(found)}; {damaged:,} of them are damaged."
    if damaged:
        return f"[bold red]Damaged[/]: {damaged:,} of {_extent(found)}. Restore them from a backup. ({about})"
    if not found["blobsTotal"]:
        return f"Nothing to verify: there are no blobs in what was asked for. ({about})"
    return f"[bold green]Sound[/]: {_extent(found)}, each as it came. ({about})"


def _extent(found: Item) -> str:
    return f"{found['blobsDone']:,} blobs, {_size(found['bytesDone'])}"


def _size(number: float) -> str:
    """Bytes for a person."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        del units[0]
    return f"{number:,.{0 if units[0] == 'bytes' else 1}f} {units[0]}"


def _plain(value: datetime) -> str:
    return value.isoformat()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201

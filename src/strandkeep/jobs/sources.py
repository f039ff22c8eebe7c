"""What becomes of a source of an import job: fetched and examined by its kind, or refused, or put off."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.buckets import BucketAway, BucketError
from strandkeep.catalog import Transaction, fetched, items, tags
from strandkeep.domain import states
from strandkeep.domain.file_names import manifest_name
from strandkeep.formats.facts import Problem, Progress, printable
from strandkeep.house import House
from strandkeep.jobs.examination import PROGRESS_S
from strandkeep.jobs.fetching import Fetch
from strandkeep.jobs.patience import given_up
from strandkeep.jobs.running import Conclusion, Ending, Superseded
from strandkeep.kill_points import reach

_MESSAGE_LENGTH = 127


class Refused(Exception):
    """Why nothing is made of a source, in a sentence for whoever named it."""


def concluded(house: House, item: Row[Any], take: Callable[[], Conclusion]) -> Conclusion:
    """What `take` concludes of an item; that it failed, when the source is at fault or the job is cancelled.

    A bucket that does not answer is waited for, but not for ever.
    """
    reach("import.begun")
    if item.job_state == states.CANCELLING:
        return _failed(house, item, items.CANCELLED)
    try:
        return take()
    except (Refused, BucketError) as refusal:
        return _failed(house, item, str(refusal))
    except BucketAway as away:
        reason = given_up(house, items, item, away)
        if reason is None:
            raise
        return _failed(house, item, f"{reason}; retry it when the bucket is back.")


def check_quota(house: House, name: str, fetches: Sequence[Fetch]) -> None:
    """Raise Refused for an object that is larger than a quota lets it be."""
    quota = house.quota(name)
    for fetch in fetches:
        if quota and fetch.size > quota:
            raise Refused(f"{fetch.source} has {fetch.size} bytes; here it may have {quota} (quota_{name}).")


def check_room(house: House, fetches: Sequence[Fetch]) -> None:
    """Raise OutOfSpace when what is not here yet would not leave the room that is to stay free."""
    house.blobs.check_room(sum(fetch.missing() for fetch in fetches))


def check_sound(problems: Sequence[Problem]) -> None:
    """Raise Refused for a source that was examined and is not sound."""
    if problems:
        raise Refused(problems[0].text)
    reach("import.examined")


def put_manifest(house: House, item: Row[Any], content: bytes) -> None:
    """Write the manifest of what is made of a source, under the same name at each attempt."""
    house.blobs.put_manifest(_manifest(item), content)
    reach("import.manifest")


def refuse(tx: Transaction, house: House, item: Row[Any], message: str) -> Ending:
    """Nothing is made of a source: what was fetched of it goes, and what this or an earlier attempt wrote of it."""
    # An attempt that was superseded would take the manifest of what another has made.
    if items.holds(tx, item):
        house.blobs.remove_manifest(_manifest(item))
    return Ending(states.FAILED, printable(message, _MESSAGE_LENGTH))


def finished(tx: Transaction, item: Row[Any]) -> Ending:
    """The end of an item whose output has its row and its files, which are made of what was fetched."""
    fetched.hand_over(tx, item)
    tags.put(tx, item.output_id, item.request.get("tags", {}))
    reach("import.in_transaction")
    return Ending(states.FINISHED)


def reporter(house: House, item: Row[Any], size: int) -> Callable[[Progress], None]:
    """Notes every few seconds, and once all is taken in, how far an item is, of `size` bytes, and how fast.

    It raises Superseded when another attempt counts by then.
    """
    before, at = Progress(0, 0, 0), time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal before, at
        passed = time.monotonic() - at
        if passed < PROGRESS_S and (progress.stored < size or progress == before):
            return
        rate = int((progress.stored - before.stored) / max(passed, 0.001))
        before, at = progress, at + passed
        noted = {**asdict(progress), "size": size, "rate": rate, "at": house.catalog.clock.reading()}
        if not house.catalog.write(lambda tx: items.put_progress(tx, item, noted)):
            raise Superseded

    return report


def _failed(house: House, item: Row[Any], message: str) -> Conclusion:
    return lambda tx: refuse(tx, house, item, message)


def _manifest(item: Row[Any]) -> str:
    return manifest_name(item.output_id, 1)

"""The states of things, and the only moves between them."""

from collections.abc import Mapping

PROCESSING_UPLOAD = "PROCESSING_UPLOAD"
UPLOAD_FAILED = "UPLOAD_FAILED"
ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
ACTIVATING = "ACTIVATING"
DELETING = "DELETING"
DELETED = "DELETED"

OPEN = "OPEN"
COMPLETING = "COMPLETING"
COMPLETED = "COMPLETED"
ABORTED = "ABORTED"
EXPIRED = "EXPIRED"

SUBMITTED = "SUBMITTED"
IN_PROGRESS = "IN_PROGRESS"
FAILED = "FAILED"
CANCELLING = "CANCELLING"
CANCELLED = "CANCELLED"
COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"

NOT_STARTED = "NOT_STARTED"
FINISHED = "FINISHED"

#: Kind of thing → state → states it may move to. None stands for "not there yet".
MOVES: Mapping[str, Mapping[str | None, frozenset[str]]] = {
    "sequenceStore": {
        None: frozenset({ACTIVE}),
        ACTIVE: frozenset({ACTIVE, DELETED}),
    },
    "referenceStore": {
        None: frozenset({ACTIVE}),
        ACTIVE: frozenset({DELETED}),
    },
    "reference": {
        None: frozenset({ACTIVE}),
        ACTIVE: frozenset({DELETED}),
    },
    "readSet": {
        # What is imported is there once it is known to be sound.
        None: frozenset({PROCESSING_UPLOAD, ACTIVE}),
        PROCESSING_UPLOAD: frozenset({ACTIVE, UPLOAD_FAILED}),
        ACTIVE: frozenset({ARCHIVED, DELETED}),
        ARCHIVED: frozenset({ACTIVATING, DELETED}),
        ACTIVATING: frozenset({ACTIVE, ARCHIVED}),
        UPLOAD_FAILED: frozenset({PROCESSING_UPLOAD, DELETED}),
        DELETED: frozenset({ACTIVE, ARCHIVED, UPLOAD_FAILED}),
    },
    "upload": {
        None: frozenset({OPEN}),
        OPEN: frozenset({COMPLETING, ABORTED, EXPIRED}),
        COMPLETING: frozenset({COMPLETED, FAILED}),
    },
    "job": {
        None: frozenset({SUBMITTED}),
        SUBMITTED: frozenset({IN_PROGRESS, CANCELLING, CANCELLED}),
        IN_PROGRESS: frozenset({IN_PROGRESS, COMPLETED, COMPLETED_WITH_FAILURES, FAILED, CANCELLING, CANCELLED}),
        CANCELLING: frozenset({CANCELLED}),
    },
    "item": {
        None: frozenset({NOT_STARTED}),
        NOT_STARTED: frozenset({IN_PROGRESS, FAILED}),
        IN_PROGRESS: frozenset({IN_PROGRESS, FINISHED, FAILED}),
    },
}

#: Every state that a read set can be in.
READ_SETS = tuple(sorted(frozenset().union(*MOVES["readSet"].values())))

#: States of a read set whose source bytes can be read.
READABLE = frozenset({ACTIVE, PROCESSING_UPLOAD})

#: States of which lists show without being asked for one: all but DELETED.
LISTED_READ_SETS = tuple(sorted({state for states in MOVES["readSet"].values() for state in states} - {DELETED}))
LISTED_STORES = tuple(sorted({state for states in MOVES["sequenceStore"].values() for state in states} - {DELETED}))

#: States of an upload that lists still show.
LISTED_UPLOADS = (OPEN, COMPLETING)

#: States of a job after which nothing happens to it.
ENDED_JOBS = (COMPLETED, COMPLETED_WITH_FAILURES, FAILED, CANCELLED)
UNENDED_JOBS = (SUBMITTED, IN_PROGRESS, CANCELLING)

#: States of a job that can still be cancelled, and of one that was.
CANCELLABLE_JOBS = (SUBMITTED, IN_PROGRESS)
CANCELLED_JOBS = (CANCELLING, CANCELLED)

#: States of an item of a job after which nothing happens to it.
ENDED_ITEMS = (FINISHED, FAILED)
UNENDED_ITEMS = (NOT_STARTED, IN_PROGRESS)


def check_move(kind: str, before: str | None, after: str) -> None:
    """Raise ValueError for a move that does not exist: a defect of ours, never a caller's fault."""
    if after not in MOVES[kind].get(before, frozenset()):
        raise ValueError(f"a {kind} does not move from {before} to {after}")

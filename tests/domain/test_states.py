"""Every move between states that there is, and every one that there is not."""

from itertools import product

import pytest

from strandkeep.domain import states

#: Written out a second time: a move that someone adds or drops has to be meant.
ALLOWED = {
    ("sequenceStore", None, "ACTIVE"),
    ("sequenceStore", "ACTIVE", "ACTIVE"),
    ("sequenceStore", "ACTIVE", "DELETED"),
    ("readSet", None, "PROCESSING_UPLOAD"),
    ("readSet", None, "ACTIVE"),
    ("readSet", "PROCESSING_UPLOAD", "ACTIVE"),
    ("readSet", "PROCESSING_UPLOAD", "UPLOAD_FAILED"),
    ("readSet", "ACTIVE", "ARCHIVED"),
    ("readSet", "ACTIVE", "DELETED"),
    ("readSet", "ARCHIVED", "ACTIVATING"),
    ("readSet", "ARCHIVED", "DELETED"),
    ("readSet", "ACTIVATING", "ACTIVE"),
    ("readSet", "ACTIVATING", "ARCHIVED"),
    ("readSet", "UPLOAD_FAILED", "DELETED"),
    ("readSet", "UPLOAD_FAILED", "PROCESSING_UPLOAD"),
    ("readSet", "DELETED", "ACTIVE"),
    ("readSet", "DELETED", "ARCHIVED"),
    ("readSet", "DELETED", "UPLOAD_FAILED"),
    ("upload", None, "OPEN"),
    ("upload", "OPEN", "COMPLETING"),
    ("upload", "OPEN", "ABORTED"),
    ("upload", "OPEN", "EXPIRED"),
    ("upload", "COMPLETING", "COMPLETED"),
    ("upload", "COMPLETING", "FAILED"),
    ("job", None, "SUBMITTED"),
    ("job", "SUBMITTED", "IN_PROGRESS"),
    ("job", "IN_PROGRESS", "IN_PROGRESS"),
    ("job", "IN_PROGRESS", "COMPLETED"),
    ("job", "IN_PROGRESS", "FAILED"),
    ("job", "IN_PROGRESS", "COMPLETED_WITH_FAILURES"),
    ("job", "SUBMITTED", "CANCELLED"),
    ("job", "IN_PROGRESS", "CANCELLED"),
    ("job", "SUBMITTED", "CANCELLING"),
    ("job", "IN_PROGRESS", "CANCELLING"),
    ("job", "CANCELLING", "CANCELLED"),
    ("referenceStore", None, "ACTIVE"),
    ("referenceStore", "ACTIVE", "DELETED"),
    ("reference", None, "ACTIVE"),
    ("reference", "ACTIVE", "DELETED"),
    ("item", None, "NOT_STARTED"),
    ("item", "NOT_STARTED", "IN_PROGRESS"),
    ("item", "NOT_STARTED", "FAILED"),
    ("item", "IN_PROGRESS", "IN_PROGRESS"),
    ("item", "IN_PROGRESS", "FINISHED"),
    ("item", "IN_PROGRESS", "FAILED"),
}
KINDS = ("sequenceStore", "referenceStore", "reference", "readSet", "upload", "job", "item")
STATES = (
    *("PROCESSING_UPLOAD", "UPLOAD_FAILED", "ACTIVE", "ARCHIVED", "ACTIVATING", "DELETING", "DELETED"),
    *("OPEN", "COMPLETING", "COMPLETED", "ABORTED", "EXPIRED", "SUBMITTED", "IN_PROGRESS", "FAILED", "CANCELLED"),
    "CANCELLING",
    *("COMPLETED_WITH_FAILURES", "NOT_STARTED", "FINISHED"),
)
FORBIDDEN = sorted(set(product(KINDS, (None, *STATES), STATES)) - ALLOWED, key=str)


def test_the_moves_are_those_of_the_table():
    assert {
        (kind, a, b) for kind, moves in states.MOVES.items() for a, after in moves.items() for b in after
    } == ALLOWED


@pytest.mark.parametrize("move", sorted(ALLOWED, key=str), ids=str)
def test_an_allowed_move_passes(move):
    states.check_move(*move)


def test_every_other_move_is_refused():
    for move in FORBIDDEN:
        with pytest.raises(ValueError, match="does not move"):
            states.check_move(*move)


@pytest.mark.parametrize(
    ("kind", "state"),
    [("job", s) for s in states.ENDED_JOBS]
    + [("item", s) for s in states.ENDED_ITEMS]
    + [(kind, "DELETED") for kind in ("sequenceStore", "referenceStore", "reference")],
)
def test_nothing_leaves_a_terminal_state(kind, state):
    assert state not in states.MOVES[kind]

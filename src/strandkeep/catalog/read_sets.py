"""Rows of read sets and of what is wrong with them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import originals, pages, qc, stored_files, tables
from strandkeep.catalog.transaction import Reader, Transaction, count_rows
from strandkeep.domain import states

_SET = tables.read_set

_EQUAL_FILTERS = {
    "name": "name",
    "sampleId": "sample_id",
    "subjectId": "subject_id",
    "generatedFrom": "generated_from",
    "creationType": "creation_type",
}

#: Built once: a read set's metadata is what callers ask for most.
_FIND = sa.select(_SET).where(
    _SET.c.id == sa.bindparam("id"),
    _SET.c.store_id == sa.bindparam("store_id"),
    _SET.c.account == sa.bindparam("account"),
)


def find(reader: Reader, account: str, store_id: str, read_set_id: str) -> Row[Any] | None:
    """A read set in any state, until it is purged."""
    return reader.one(_FIND, {"id": read_set_id, "store_id": store_id, "account": account})


def count(reader: Reader, store_id: str) -> tuple[int, int]:
    """How many rows of read sets a store has, and how many of them are not deleted: tens of ms for a million."""
    rows = sa.select(_SET.c.id).where(_SET.c.store_id == store_id)
    every = count_rows(reader, rows)
    return every, every - count_rows(reader, rows.where(_SET.c.status == states.DELETED))


def count_since(reader: Reader, store_id: str, moment: int, most: int) -> int:
    """How many rows of read sets came to a store after `moment`; those above `most` are not counted."""
    query = sa.select(_SET.c.id).where(_SET.c.store_id == store_id, _SET.c.created > moment)
    # By state, which is what the index of times has first.
    every = (*states.LISTED_READ_SETS, states.DELETED)
    return count_rows(reader, query.where(_SET.c.status.in_(every)).limit(most))


def put_problems(tx: Transaction, read_set_id: str, problems: Sequence[Mapping[str, Any]]) -> None:
    """Keep what is wrong with a read set, the most important first."""
    if problems:
        rows = [{"read_set_id": read_set_id, "position": n, **problem} for n, problem in enumerate(problems, 1)]
        tx.run(sa.insert(tables.problem), rows)


def problems(reader: Reader, read_set_id: str) -> Sequence[Row[Any]]:
    """What is wrong with a read set, the most important first."""
    mine = tables.problem.c.read_set_id == read_set_id
    return reader.all(sa.select(tables.problem).where(mine).order_by(tables.problem.c.position))


def drop_problems(tx: Transaction, read_set_id: str) -> None:
    """Forget what was wrong with a read set: it is checked anew."""
    tx.run(sa.delete(tables.problem).where(tables.problem.c.read_set_id == read_set_id))


def page(
    reader: Reader, store_id: str, filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of a store's read sets by the filter of ListReadSets. Deleted ones show only when asked for."""
    shown = [filters["status"]] if "status" in filters else states.LISTED_READ_SETS
    conditions = [_SET.c.store_id == store_id]
    conditions += [_SET.c[column] == filters[name] for name, column in _EQUAL_FILTERS.items() if name in filters]
    if "referenceArn" in filters:
        # An empty string asks for the read sets that have no reference.
        conditions.append(_SET.c.reference_arn == (filters["referenceArn"] or None))
    conditions += pages.time_bounds(_SET.c.created, filters, "created", after)
    return pages.newest_of_states(reader, _SET.c.status, shown, conditions, after, size)


def in_use(reader: Reader, read_set_ids: Sequence[str]) -> set[str]:
    """Those read sets that an unfinished job works on."""
    query = sa.select(tables.job.c.subject).where(tables.job.c.subject.in_(read_set_ids))
    return {row.subject for row in reader.all(query.where(tables.job.c.state.not_in(states.ENDED_JOBS)))}


def number_by_status(reader: Reader) -> dict[str, int]:
    """How many read sets there are in each status, 0 included; walks over an index of all."""
    rows = reader.all(sa.select(_SET.c.status, sa.func.count().label("number")).group_by(_SET.c.status))
    return dict.fromkeys(states.READ_SETS, 0) | {row.status: row.number for row in rows}


def due_for_purge(reader: Reader, now: int, most: int) -> Sequence[Row[Any]]:
    """Deleted read sets whose time to be brought back is over."""
    return reader.all(
        sa.select(_SET.c.id, _SET.c.account, _SET.c.store_id).where(_SET.c.purge_after <= now).limit(most)
    )


def purge(tx: Transaction, read_set_id: str) -> list[str]:
    """Remove every row of a deleted read set; the names of the blobs to which nothing points any more."""
    freed = stored_files.drop(tx, read_set_id)
    drop_problems(tx, read_set_id)
    qc.drop(tx, read_set_id)
    originals.drop(tx, read_set_id)
    tx.run(sa.delete(tables.tag).where(tables.tag.c.resource_id == read_set_id))
    tx.run(sa.delete(tables.upload).where(tables.upload.c.read_set_id == read_set_id))
    tx.run(sa.delete(_SET).where(_SET.c.id == read_set_id))
    return freed

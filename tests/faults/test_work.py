"""Whatever fails below what runs by itself: it is done later, once, and nobody needs to mend anything."""

import pytest

from tests.faults.database import LOST, LOST_AFTER_COMMIT, STATEMENT, TRANSACTION
from tests.faults.disk import BROKEN, FULL
from tests.faults.trying import fail_in_database, fail_on_disk
from tests.faults.work import Import, ImportReads, Ingest, Sweep

WORK = [Ingest(), Sweep()]

#: An ingest or import takes a process of its own each time: its every statement is for `make soak`.
SOMETIMES = [
    *(pytest.param(work, marks=pytest.mark.soak, id=str(work)) for work in (Ingest(), Import(), ImportReads())),
    pytest.param(Sweep(), id="sweep"),
]


@pytest.mark.parametrize("work", SOMETIMES)
@pytest.mark.parametrize("fault", [pytest.param(STATEMENT, marks=pytest.mark.soak), TRANSACTION])
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_the_nth_statement_or_commit_on_sqlite_fails(world, database, count, work, fault):
    count(fail_in_database(world, database, work, fault), fault)


@pytest.mark.parametrize("work", SOMETIMES)
@pytest.mark.parametrize("failing", ["postgresql"], indirect=True)
def test_the_connection_to_postgresql_is_lost_at_the_nth_statement_or_commit(world, database, count, work):
    count(fail_in_database(world, database, work, LOST), LOST)


@pytest.mark.parametrize("work", [*WORK, Import(), ImportReads()], ids=str)
def test_the_nth_commit_is_done_and_nobody_hears_of_it(world, database, count, work):
    count(fail_in_database(world, database, work, LOST_AFTER_COMMIT), LOST_AFTER_COMMIT)


@pytest.mark.parametrize("work", [*WORK, pytest.param(ImportReads(), marks=pytest.mark.soak, id="imports")])
@pytest.mark.parametrize("fault", [FULL, BROKEN])
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_the_nth_call_of_the_disk_fails(world, count, work, fault):
    # The folders are looked through one by one: each of these calls is like the other.
    calls = ("open", "fsync", "rename", "unlink", "writev", "pread", "statvfs")
    count(fail_on_disk(world, work, fault, calls), fault)

"""Attempts of jobs: the fence, and what the server's trouble does to them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from strandkeep.blobs import OutOfSpace
from strandkeep.buckets import BucketAway
from strandkeep.catalog import jobs, moves, tables
from strandkeep.domain import states, times
from strandkeep.domain.identifiers import new_id
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.running import Superseded, run_job


@pytest.fixture
def store(own):
    return own.new_store()


@pytest.fixture
def job_id(own, store):
    """A submitted job about a read set in PROCESSING_UPLOAD."""
    upload = own.new_upload(store)
    read_set = own.complete(store, upload, [own.put_part(store, upload, 1, b"x")])
    return own.rows(tables.job, subject=read_set)[0].id


def job(api, job_id):
    return api.rows(tables.job, id=job_id)[0]


def claim(api, job_id):
    return api.house.catalog.write(lambda tx: jobs.claim(tx, job_id))


def end(api, attempt, state=states.COMPLETED):
    return api.house.catalog.write(lambda tx: jobs.end(tx, attempt, state))


def nothing(_tx):
    """A conclusion."""


def never_told(_tx, _job, _message):
    raise AssertionError("the user is told only after five failures")


def run(api, job_id, work, tell=never_told):
    run_job(api.house, {"ingest": work}, tell, job_id)


def test_a_job_that_is_done_ends_with_what_it_concluded(own, job_id):
    def conclude(tx):
        moves.move(tx, own.context, "readSet", job(own, job_id).subject, "PROCESSING_UPLOAD", "ACTIVE")

    run(own, job_id, lambda house, row: conclude)

    row = job(own, job_id)
    assert (row.state, row.attempt, row.failures, row.status_message) == ("COMPLETED", 1, 0, None)
    assert row.ended is not None
    assert own.events(job_id) == [(None, "SUBMITTED"), ("SUBMITTED", "IN_PROGRESS"), ("IN_PROGRESS", "COMPLETED")]
    assert own.events(row.subject)[-1] == ("PROCESSING_UPLOAD", "ACTIVE")


def test_the_events_of_a_job_name_who_started_it(own, job_id):
    run(own, job_id, lambda house, row: nothing)
    rows = own.rows(tables.event, resource_id=job_id)
    assert {(row.principal, row.request_id) for row in rows} == {(own.context.principal, own.context.request_id)}


def test_a_job_that_has_ended_does_not_run_again(own, job_id):
    run(own, job_id, lambda house, row: nothing)
    run(own, job_id, lambda house, row: pytest.fail("ran again"))
    assert claim(own, job_id) is None
    assert job(own, job_id).attempt == 1


def test_a_job_that_never_was_is_no_trouble(own):
    run(own, new_id(), lambda house, row: pytest.fail("ran"))


def test_rule_5_an_older_attempt_cannot_end_a_job(own, job_id):
    first, second = claim(own, job_id), claim(own, job_id)
    assert (first.attempt, second.attempt) == (1, 2)
    assert end(own, first) is False
    assert job(own, job_id).state == "IN_PROGRESS"
    assert end(own, second) is True
    assert end(own, second) is False
    assert job(own, job_id).state == "COMPLETED"


@pytest.mark.parametrize("after", ["end", "claim"])
def test_rule_5_what_an_older_attempt_concluded_is_undone(own, job_id, after):
    """The fence stands in the transaction that ends the job, so its other rows go back with it."""
    subject = job(own, job_id).subject

    def slow(house, row):
        newer = claim(own, job_id)
        if after == "end":
            assert end(own, newer)
        return lambda tx: moves.move(tx, own.context, "readSet", subject, "PROCESSING_UPLOAD", "ACTIVE")

    run(own, job_id, slow)
    assert own.events(subject) == [(None, "PROCESSING_UPLOAD")]
    assert job(own, job_id).state == ("COMPLETED" if after == "end" else "IN_PROGRESS")
    assert job(own, job_id).failures == 0


def test_rule_5_an_older_attempt_neither_puts_a_job_off_nor_tells_of_its_progress(own, job_id):
    first, second = claim(own, job_id), claim(own, job_id)
    put_off = own.house.catalog.write(lambda tx: jobs.put_off(tx, first, tx.now + times.DAY, "old"))
    own.house.catalog.write(lambda tx: jobs.put_progress(tx, first, {"reads": 1}))
    assert put_off is False
    assert (job(own, job_id).failures, job(own, job_id).progress) == (0, None)
    own.house.catalog.write(lambda tx: jobs.put_progress(tx, second, {"reads": 2}))
    assert job(own, job_id).progress == {"reads": 2}


def test_rule_5_nothing_leaves_a_terminal_state(own, job_id):
    attempt = claim(own, job_id)
    assert end(own, attempt, states.FAILED)
    assert end(own, attempt) is False
    assert claim(own, job_id) is None
    assert own.house.catalog.write(lambda tx: jobs.put_off(tx, attempt, 0, "late")) is False
    assert job(own, job_id).state == "FAILED"


def test_claims_at_once_are_attempts_of_their_own(own, job_id):
    with ThreadPoolExecutor(10) as threads:
        claimed = list(threads.map(lambda _: claim(own, job_id), range(10)))
    assert sorted(row.attempt for row in claimed) == list(range(1, 11))
    assert [end(own, row) for row in sorted(claimed, key=lambda row: row.attempt)] == [False] * 9 + [True]


def test_an_attempt_that_is_superseded_ends_quietly(own, job_id):
    def give_up(house, row):
        raise Superseded

    run(own, job_id, give_up)
    row = job(own, job_id)
    assert (row.state, row.failures, row.status_message) == ("IN_PROGRESS", 0, None)


def fail(_house, _row):
    raise MemoryError("the server's own trouble")


def test_rule_6_the_servers_trouble_puts_a_job_off_for_longer_and_longer(own, job_id):
    pauses = []
    for _ in range(4):
        run(own, job_id, fail)
        row = job(own, job_id)
        pauses.append((row.run_after - own.house.catalog.write(lambda tx: tx.now)) / times.SECOND)
        assert row.state == "IN_PROGRESS"
    assert [round(pause) for pause in pauses] == [2, 4, 8, 16]
    assert job(own, job_id).failures == 4


def test_rule_6_a_failure_while_concluding_is_the_servers_trouble_too(own, job_id):
    def conclude(tx):
        moves.move(tx, own.context, "readSet", job(own, job_id).subject, "PROCESSING_UPLOAD", "ACTIVE")
        raise OSError("disk")

    run(own, job_id, lambda house, row: conclude)
    assert job(own, job_id).failures == 1
    assert own.events(job(own, job_id).subject) == [(None, "PROCESSING_UPLOAD")]


def test_rule_6_after_five_failures_the_read_set_says_that_it_is_the_server(own, store, job_id):
    read_set = job(own, job_id).subject
    for failures in range(1, 8):
        run(own, job_id, fail, tell_read_set)
        got = own("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
        assert got["status"] == "PROCESSING_UPLOAD"
        assert ("statusMessage" in got) == (failures >= 5)
    assert "7 tries failed by its own fault, not the file's" in got["statusMessage"]
    assert len(got["statusMessage"]) <= 255
    run(own, job_id, lambda house, row: nothing)
    assert job(own, job_id).state == "COMPLETED"
    assert job(own, job_id).status_message is None


def test_a_job_that_was_put_off_may_run_when_its_time_has_come(own, job_id):
    def ready():
        now = own.house.catalog.write(lambda tx: tx.now)
        return [row.id for row in own.house.catalog.read(lambda reader: jobs.waiting(reader, ["ingest"], now, 9))]

    assert ready() == [job_id]
    run(own, job_id, fail)
    assert ready() == []
    own.house.catalog.clock.move(3 * times.SECOND)
    assert ready() == [job_id]
    run(own, job_id, lambda house, row: nothing)
    assert ready() == []


def test_every_move_of_a_state_has_its_event_in_the_same_transaction(own, store):
    def refused(tx):
        moves.move(tx, own.context, "sequenceStore", store, "ACTIVE", "DELETED")
        raise Superseded

    with pytest.raises(Superseded):
        own.house.catalog.write(refused)
    assert own.events(store) == [(None, "ACTIVE")]
    assert own("GetSequenceStore", id=store)["status"] == "ACTIVE"


def test_a_move_from_a_state_that_a_thing_has_left_changes_nothing(own, store):
    read_set = own.insert_read_set(store, "DELETED")
    moved = own.house.catalog.write(
        lambda tx: moves.move(tx, own.context, "readSet", read_set, "ACTIVE", "ARCHIVED", name="changed")
    )
    assert moved is False
    assert own.rows(tables.read_set, id=read_set)[0].name == "name"
    assert own.events(read_set)[-1] == ("ACTIVE", "DELETED")


def test_a_move_that_does_not_exist_is_a_defect_of_ours(own, store):
    with pytest.raises(ValueError, match="does not move"):
        own.house.catalog.write(lambda tx: moves.move(tx, own.context, "sequenceStore", store, "DELETED", "ACTIVE"))


@pytest.mark.parametrize(
    ("trouble", "level", "with_traceback"),
    [
        (BucketAway("It is silent."), "WARNING", False),
        (OutOfSpace("full"), "WARNING", False),
        (KeyError(1), "ERROR", True),
    ],
)
def test_trouble_that_was_foreseen_is_one_line_of_the_log(own, job_id, caplog, trouble, level, with_traceback):
    def fail(_house, _row):
        raise trouble

    run(own, job_id, fail)
    (record,) = (record for record in caplog.records if record.name == "strandkeep.jobs.running")
    assert (record.levelname, record.exc_info is not None) == (level, with_traceback)
    assert job_id in record.getMessage()

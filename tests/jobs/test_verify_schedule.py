"""Verifications that start by themselves: when they are due, for every account, and once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from strandkeep.catalog import jobs, tables
from strandkeep.domain import states, times
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.running import run_job
from strandkeep.jobs.verify import verify
from strandkeep.jobs.verify_schedule import start_due
from tests.operations.conftest import file_of, new_account, with_settings


def later(api, days):
    api.house.catalog.clock.move(int(days * times.DAY))


def scheduled(api):
    return [one for one in api("ListVerifications")["verifications"] if one["startedBy"] == "SCHEDULE"]


def run(api, verification):
    run_job(api.house, {"verify": verify}, tell_read_set, verification)


def end_all(api):
    for job in api.rows(tables.job, kind="verify"):
        run(api, job.id)


def test_nothing_is_due_on_the_first_day_and_one_for_each_account_on_the_second(own):
    other = new_account(own.house)
    assert start_due(own.house) == 0
    later(own, 1.01)
    assert start_due(own.house) == 2
    for api in (own, other):
        [one] = scheduled(api)
        assert one["unverifiedDays"] == own.house.settings.verify_every_days
        assert one["bytesPerSecond"] == own.house.settings.verify_bytes_per_second


def test_the_next_one_is_due_a_day_after_the_last_has_ended(own):
    later(own, 1.01)
    assert start_due(own.house) == 1
    later(own, 3)
    assert start_due(own.house) == 0
    end_all(own)
    later(own, 0.9)
    assert start_due(own.house) == 0
    later(own, 0.2)
    assert start_due(own.house) == 1
    assert [one["status"] for one in scheduled(own)] == ["SUBMITTED", "COMPLETED"]


def test_one_that_was_cancelled_counts_as_one_that_has_ended(own):
    later(own, 1.01)
    start_due(own.house)
    own("CancelVerification", id=scheduled(own)[0]["id"])
    assert start_due(own.house) == 0
    later(own, 1.01)
    assert start_due(own.house) == 1


def test_it_takes_what_nobody_has_verified_for_too_long_and_tells_of_damage(own):
    store = own.new_store()
    damaged, sound = file_of(own, b"damaged")[0], file_of(own, b"sound")[0]
    read_set = own.insert_read_set(store, files={"SOURCE1": damaged, "SOURCE2": sound})
    later(own, 29)
    start_due(own.house)
    end_all(own)
    assert scheduled(own)[0]["findingCount"] == 0
    own.house.blobs.remove(damaged[0].blob)
    later(own, 2)
    start_due(own.house)
    end_all(own)
    newest = own("GetVerification", id=scheduled(own)[0]["id"])
    assert (newest["blobsDone"], newest["findingCount"]) == (2, 1)
    [finding] = own("ListVerificationFindings", id=newest["id"])["findings"]
    assert (finding["readSetId"], finding["source"]) == (read_set, "SOURCE1")
    told = [row for row in own.rows(tables.event, resource_id=read_set) if row.kind == "damaged"]
    assert [row.principal for row in told] == ["strandkeep:schedule"]


def test_by_a_setting_none_starts(own):
    later(own, 100)
    assert start_due(with_settings(own, verify_every_days=0).house) == 0


@pytest.mark.parametrize("round_", range(3))
def test_of_servers_that_look_at_once_one_starts_it(own, round_):
    later(own, 1.01)
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: start_due(own.house), range(8))) == 1
    assert len(scheduled(own)) == 1


def test_one_asked_for_by_a_caller_does_not_put_the_schedule_off(own):
    later(own, 1.01)
    asked = own("StartVerification")["id"]
    run(own, asked)
    assert start_due(own.house) == 1
    assert own.house.catalog.write(lambda tx: jobs.claim(tx, asked)) is None
    assert own.rows(tables.job, id=asked)[0].state == states.COMPLETED

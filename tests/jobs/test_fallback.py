"""What a failed upload leaves at its store's fallback location, by a job that goes on where it was."""

import dataclasses
import hashlib
import logging

import pytest

from strandkeep import metrics
from strandkeep.catalog import tables
from strandkeep.errors import ResourceNotFoundException
from strandkeep.jobs import fallback
from tests.e2e.uploading import gz
from tests.operations.conftest import new_account, with_settings
from tests.operations.fallbacks import BUCKET, PARTS, Failing, failing

NOT_MAPPED = "No bucket of this name is mapped for this account and role; the operator can map it in strandkeep.toml."


@pytest.fixture
def mine(own, tmp_path) -> Failing:
    """A caller with a mapped folder and a store that keeps failed uploads there."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return failing(own, folder)


def stop_at(monkeypatch, point, time=1):
    """The nth time that a point is reached, the attempt ends as by a kill: nothing more of it is done."""
    left = [time]

    def reach(name):
        left[0] -= name == point
        if name == point and not left[0]:
            raise SystemExit

    monkeypatch.setattr(fallback, "reach", reach)


def interrupted(mine, upload):
    with pytest.raises(SystemExit):
        mine.keep(upload)


def count_puts(monkeypatch, house):
    """The names that are written from now on."""
    sent, put = [], house.buckets.put

    def counted(uri, *arguments):
        sent.append(uri.rpartition("/")[2])
        put(uri, *arguments)

    monkeypatch.setattr(house.buckets, "put", counted)
    return sent


def not_kept(read_set):
    return f"Parts of read set {read_set}, whose upload failed, are not at the fallback location:"


def test_the_parts_and_what_is_wrong_lie_below_the_location(mine):
    upload, read_set = mine.failed(description="about", tags={"k": "v"})
    assert mine.kept() == {}
    mine.keep(upload)

    kept = mine.kept()
    told = mine.request(upload)
    assert {path: content for path, content in kept.items() if "part-" in path} == mine.parts(upload)
    assert len(kept) == 5
    rows = sorted(mine.api.rows(tables.problem, read_set_id=read_set), key=lambda row: row.position)
    problems = told.pop("problems")
    assert problems == [
        {"source": row.source, "record": row.record, "offset": row.byte_offset, "rule": row.rule, "text": row.text}
        for row in rows
    ]
    assert problems[0]["text"] == mine.metadata(read_set)["statusMessage"]
    assert told.pop("failed").endswith("+00:00")
    assert told == {
        "version": 1,
        "sequenceStoreId": mine.store,
        "uploadId": upload,
        "readSetId": read_set,
        "request": {
            **{"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample", "name": "name"},
            **{"generatedFrom": None, "referenceArn": None, "description": "about", "tags": {"k": "v"}},
        },
        "checkedAs": {"sourceFileType": "FASTQ", "referenceArn": None},
        "files": [
            {
                "source": source,
                "size": sum(map(len, contents)),
                "parts": [
                    {"number": number, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                    for number, content in enumerate(contents, 1)
                ],
            }
            for source, contents in PARTS.items()
        ],
    }
    assert mine.outcome(upload) == ("COMPLETED", None)
    assert mine.jobs(upload)[0].progress == {"stored": 3012, "size": 3012}


def test_the_parts_stay_here_too(mine):
    upload, read_set = mine.failed()
    mine.keep(upload)
    assert {mine.api.blob_state(row.blob) for row in mine.api.rows(tables.segment, holder_id=read_set)} == {"live"}
    assert mine.metadata(read_set)["status"] == "UPLOAD_FAILED"


def test_how_it_ended_is_counted(own, tmp_path):
    def count(outcome):
        return metrics.JOBS.labels("fallback", outcome)._value.get()

    before = count("completed"), count("refused")
    good, bad = failing(own, tmp_path), failing(own, tmp_path, read_only=True)
    for mine in (good, bad):
        mine.keep(mine.failed()[0])
    assert (count("completed"), count("refused")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("location", [None, ""])
def test_without_a_location_there_is_no_job(own, tmp_path, location):
    mine = failing(own, tmp_path, location=location and f"s3://{BUCKET}")
    if location == "":
        mine.api("UpdateSequenceStore", id=mine.store, fallbackLocation="")
    upload, _ = mine.failed()
    assert mine.jobs(upload) == []


def test_what_does_not_fail_is_not_kept(mine):
    upload, read_set = mine.uploaded({"SOURCE1": [gz(b"@r\nACGT\n+\nIIII\n")]})
    mine.check(read_set)
    assert mine.metadata(read_set)["status"] == "ACTIVE"
    assert mine.jobs(upload) == []


@pytest.mark.parametrize("location", ["", "/", "/lab", "/lab/2026/"])
def test_it_is_the_location_at_the_moment_of_the_failure(mine, location):
    upload, read_set = mine.uploaded()
    mine.api("UpdateSequenceStore", id=mine.store, fallbackLocation=f"s3://{BUCKET}{location}")
    mine.check(read_set)
    mine.api("UpdateSequenceStore", id=mine.store, fallbackLocation="s3://elsewhere/later/")
    mine.keep(upload)
    prefix = f"{location.strip('/')}/".lstrip("/")
    assert {f"{prefix}{path}" for path in mine.parts(upload)} < set(mine.kept())
    assert mine.request(upload, prefix)["uploadId"] == upload


@pytest.mark.parametrize("time", [1, 2, 3, 4])
def test_an_interrupted_attempt_leaves_what_is_there_to_the_next(mine, monkeypatch, time):
    upload, _ = mine.failed()
    stop_at(monkeypatch, "fallback.part", time)
    interrupted(mine, upload)
    assert len(mine.kept()) == time
    monkeypatch.undo()
    sent = count_puts(monkeypatch, mine.api.house)
    mine.keep(upload)
    assert len(sent) == 4 - time + 1
    assert sent[-1] == "request.json"
    assert mine.kept().items() > mine.parts(upload).items()
    assert mine.outcome(upload) == ("COMPLETED", None)


def test_what_is_told_is_the_same_at_each_attempt(mine, monkeypatch):
    upload, _ = mine.failed()
    stop_at(monkeypatch, "fallback.told")
    interrupted(mine, upload)
    before = mine.kept()
    monkeypatch.undo()
    mine.api.house.catalog.clock.move(60_000_000)
    sent = count_puts(monkeypatch, mine.api.house)
    mine.keep(upload)
    assert (sent, mine.kept()) == (["request.json"], before)
    assert mine.outcome(upload) == ("COMPLETED", None)


def test_a_part_of_another_size_is_sent_again(mine):
    upload, _ = mine.failed()
    path, content = next(iter(mine.parts(upload).items()))
    (mine.folder / path).parent.mkdir(parents=True)
    (mine.folder / path).write_bytes(content[:-1])
    mine.keep(upload)
    assert mine.kept()[path] == content


def test_a_bucket_that_is_not_there_is_waited_for(mine):
    upload, read_set = mine.failed()
    message = mine.metadata(read_set)["statusMessage"]
    away = mine.folder.rename(mine.folder.with_name("unmounted"))
    # More often than it takes until a read set says that the server fails on it.
    for _ in range(6):
        mine.keep(upload)
    state, said = mine.outcome(upload)
    assert (state, mine.jobs(upload)[0].failures) == ("IN_PROGRESS", 6)
    assert said.startswith("The folder of this bucket is not there")
    assert said.endswith("It is tried again.")
    assert mine.metadata(read_set)["statusMessage"] == message
    away.rename(mine.folder)
    mine.keep(upload)
    assert mine.outcome(upload)[0] == "COMPLETED"
    assert mine.kept().items() > mine.parts(upload).items()


def test_a_bucket_that_stays_away_is_given_up(mine, caplog):
    upload, read_set = mine.failed()
    mine = dataclasses.replace(mine, api=with_settings(mine.api, bucket_patience_s=100))
    mine.folder.rmdir()
    mine.keep(upload)
    mine.api.house.catalog.clock.move(101_000_000)
    mine.keep(upload)
    state, said = mine.outcome(upload)
    assert state == "FAILED"
    assert said.startswith(f"{not_kept(read_set)} The folder of this bucket is not there")
    assert said.endswith("It was tried for 101 s.")
    assert mine.metadata(read_set)["status"] == "UPLOAD_FAILED"
    assert [record for record in caplog.records if read_set in record.getMessage()][-1].levelno == logging.WARNING


def test_patience_begins_anew_when_something_was_sent(mine, monkeypatch):
    upload, _ = mine.failed()
    mine = dataclasses.replace(mine, api=with_settings(mine.api, bucket_patience_s=100))
    away = mine.folder.rename(mine.folder.with_name("unmounted"))
    mine.keep(upload)
    mine.api.house.catalog.clock.move(101_000_000)
    away.rename(mine.folder)
    stop_at(monkeypatch, "fallback.part", 2)
    interrupted(mine, upload)
    monkeypatch.undo()
    mine.folder.rename(away)
    mine.keep(upload)
    assert mine.outcome(upload)[0] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"accounts": ("999999999999",)}, NOT_MAPPED),
        ({"roles": ("arn:aws:iam::999999999999:role/importer",)}, NOT_MAPPED),
        (
            {"read_only": True},
            "This bucket is mapped for reading only; the operator can change that in strandkeep.toml.",
        ),
    ],
)
def test_a_bucket_that_may_not_be_written_to_fails_the_job_alone(own, tmp_path, caplog, mapping, message):
    mine = failing(own, tmp_path / "bucket", **mapping)
    mine.folder.mkdir()
    upload, read_set = mine.failed()
    before = mine.metadata(read_set)
    mine.keep(upload)
    assert mine.outcome(upload) == ("FAILED", f"{not_kept(read_set)} {message}")
    assert mine.kept() == {}
    assert mine.metadata(read_set) == before
    assert [record for record in caplog.records if read_set in record.getMessage()][-1].levelno == logging.WARNING
    told = mine.api("ListEvents", filter={"resourceId": mine.jobs(upload)[0].id})["events"][0]
    assert (told["before"], told["after"]) == ("IN_PROGRESS", "FAILED")
    assert told["statusMessage"] == mine.outcome(upload)[1]


@pytest.mark.parametrize("location", ["s3://elsewhere", "s3://elsewhere/failed/"])
def test_a_bucket_that_is_not_mapped_fails_the_job_alone(own, tmp_path, location):
    mine = failing(own, tmp_path, location=location)
    upload, read_set = mine.failed()
    mine.keep(upload)
    assert mine.outcome(upload) == ("FAILED", f"{not_kept(read_set)} {NOT_MAPPED}")


def test_the_bucket_of_another_account_is_out_of_reach(own, tmp_path):
    other = new_account(own.house)
    folder = tmp_path / "bucket"
    folder.mkdir()
    mine = failing(other, folder)
    upload, read_set = mine.failed()
    mine.keep(upload)
    assert mine.outcome(upload) == ("FAILED", f"{not_kept(read_set)} {NOT_MAPPED}")
    theirs = failing(other, folder, accounts=(other.context.account,))
    upload, _ = theirs.failed()
    theirs.keep(upload)
    assert theirs.outcome(upload) == ("COMPLETED", None)


def test_a_location_that_leads_out_of_the_folder_is_refused(own, tmp_path):
    folder = tmp_path / "bucket"
    folder.mkdir()
    mine = failing(own, folder, location=f"s3://{BUCKET}/../outside/")
    upload, read_set = mine.failed()
    mine.keep(upload)
    assert mine.outcome(upload) == ("FAILED", f"{not_kept(read_set)} This name leads out of the bucket's folder.")
    assert not (tmp_path / "outside").exists()


def test_a_damaged_part_is_left_out_and_said_to_be(mine, caplog):
    upload, read_set = mine.failed()
    path = mine.blob_path(read_set, "SOURCE1", 2)
    path.write_bytes(path.read_bytes()[::-1])
    mine.keep(upload)
    assert mine.outcome(upload) == (
        "COMPLETED_WITH_FAILURES",
        f"{not_kept(read_set)} 1 of 4 are damaged here and were left out; request.json says which.",
    )
    parts = mine.parts(upload)
    left_out = parts.pop(f"{mine.store}/{upload}/SOURCE1/part-00002")
    assert left_out not in mine.kept().values()
    assert mine.kept().items() > parts.items()
    damaged = [part for file in mine.request(upload)["files"] for part in file["parts"] if "damage" in part]
    assert [(part["number"], part["damage"]) for part in damaged] == [
        (2, f"block 0 of blob {path.name} is not what was stored")
    ]
    found = mine.metadata(read_set)
    assert found["status"] == "UPLOAD_FAILED"
    assert found["statusMessage"].startswith(f"SOURCE1 is damaged: block 0 of blob {path.name}")
    assert [record for record in caplog.records if read_set in record.getMessage()][-1].levelno == logging.WARNING


@pytest.mark.parametrize("begun", [False, True])
def test_a_deletion_ends_the_job(mine, monkeypatch, begun):
    upload, read_set = mine.failed()
    if begun:
        stop_at(monkeypatch, "fallback.part")
        interrupted(mine, upload)
        monkeypatch.undo()
    answer = mine.api("BatchDeleteReadSet", sequenceStoreId=mine.store, ids=[read_set])
    assert "errors" not in answer
    assert mine.outcome(upload)[0] == "CANCELLED"
    before = mine.kept()
    mine.keep(upload)
    assert mine.kept() == before
    mine.api("DeleteSequenceStore", id=mine.store)
    with pytest.raises(ResourceNotFoundException):
        mine.api("GetSequenceStore", id=mine.store)


def test_an_attempt_that_runs_notices_the_deletion(mine, monkeypatch):
    upload, read_set = mine.failed()

    def reach(name):
        if name == "fallback.part" and len(mine.kept()) == 2:
            mine.api("BatchDeleteReadSet", sequenceStoreId=mine.store, ids=[read_set])

    monkeypatch.setattr(fallback, "reach", reach)
    mine.keep(upload)
    assert len(mine.kept()) == 2
    assert mine.outcome(upload)[0] == "CANCELLED"


def test_bytes_that_went_with_a_deletion_are_no_damage(mine, monkeypatch):
    """The read set is purged while its second part is read."""
    upload, read_set = mine.failed()
    path = mine.blob_path(read_set, "SOURCE1", 2)
    size_of = mine.api.house.buckets.size_of

    def then_purged(uri, account):
        if uri.endswith("SOURCE1/part-00002"):
            mine.api("BatchDeleteReadSet", sequenceStoreId=mine.store, ids=[read_set])
            path.unlink()
        return size_of(uri, account)

    monkeypatch.setattr(mine.api.house.buckets, "size_of", then_purged)
    mine.keep(upload)
    assert len(mine.kept()) == 1
    assert "damaged" not in {row.kind for row in mine.api.rows(tables.event, resource_id=read_set)}


def test_a_reingest_ends_the_job_and_a_second_failure_is_told_anew(mine, monkeypatch):
    upload, read_set = mine.failed(sourceFileType="UBAM", parts={"SOURCE1": [b"one", b"two"]})
    stop_at(monkeypatch, "fallback.part")
    interrupted(mine, upload)
    monkeypatch.undo()
    mine.api("ReingestReadSet", sequenceStoreId=mine.store, id=read_set, sourceFileType="FASTQ")
    assert mine.outcome(upload)[0] == "CANCELLED"
    mine.keep(upload)
    assert len(mine.kept()) == 1
    mine.check(read_set)
    sent = count_puts(monkeypatch, mine.api.house)
    mine.keep(upload)
    assert sent == ["part-00002", "request.json"]
    told = mine.request(upload)
    assert (told["request"]["sourceFileType"], told["checkedAs"]["sourceFileType"]) == ("UBAM", "FASTQ")
    assert [problem["text"] for problem in told["problems"]] == [mine.metadata(read_set)["statusMessage"]]
    assert [row.state for row in mine.jobs(upload)] == ["CANCELLED", "COMPLETED"]


def test_a_stopping_server_leaves_it_to_the_next_start(mine, monkeypatch):
    upload, _ = mine.failed()
    monkeypatch.setattr(fallback, "reach", lambda _: mine.api.house.stopping.set())
    mine.keep(upload)
    assert len(mine.kept()) == 1
    assert mine.outcome(upload)[0] == "IN_PROGRESS"
    monkeypatch.undo()
    mine.api.house.stopping.clear()
    mine.keep(upload)
    assert mine.outcome(upload)[0] == "COMPLETED"

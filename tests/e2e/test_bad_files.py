"""Files at fault end as UPLOAD_FAILED with a reason that helps; odd but sound ones become ACTIVE."""

import gzip
import hashlib
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.rows import rows
from tests.e2e.uploading import download, new_store, new_upload, send_parts, upload
from tests.formats.fastq_files import BAD_FILES, GZ, ODD_BUT_SOUND, TEN, BadFile, bomb, gz, reads
from tests.server import RunningServer, wait_for_read_set

#: A file of no bytes has no part, and comes no further than Complete.
BAD = {name: bad for name, bad in BAD_FILES.items() if all(bad.sources.values())}

Started = Mapping[str, str]


@pytest.fixture(scope="module")
def omics(server: RunningServer) -> Any:
    return server.client()


@pytest.fixture(scope="module")
def store_id(omics: Any) -> str:
    return new_store(omics)


@pytest.fixture(scope="module")
def started(omics: Any, store_id: str) -> Started:
    """Name of a file → the read set as which it is being checked; all are on their way at once."""
    files = {name: bad.sources for name, bad in BAD.items()} | {n: sources for n, (sources, _) in ODD_BUT_SOUND.items()}
    return {name: upload(omics, store_id, sources, name=name) for name, sources in files.items()}


@pytest.mark.parametrize(("name", "bad"), BAD.items(), ids=BAD)
def test_a_bad_file_fails_with_source_record_and_reason(
    server: RunningServer, omics: Any, store_id: str, started: Started, name: str, bad: BadFile
) -> None:
    found = wait_for_read_set(omics, store_id, started[name])
    assert found["status"] == "UPLOAD_FAILED", found
    message = found["statusMessage"]
    assert 0 < len(message) <= 255
    assert message.isprintable()
    assert bad.source in message
    if bad.record is not None:
        assert f"record {bad.record:,}" in message or f"record {bad.record}" in message
    assert "etag" not in found
    assert "sequenceInformation" not in found

    problems = rows(server.data_dir, "SELECT * FROM problem WHERE read_set_id = ? ORDER BY position", started[name])
    first = problems[0]
    assert (first["source"], first["record"], first["rule"]) == (bad.source, bad.record, bad.rule)
    assert first["text"] == message
    for source in bad.sources:
        with pytest.raises(omics.exceptions.ConflictException, match="UPLOAD_FAILED"):
            omics.get_read_set(sequenceStoreId=store_id, id=started[name], file=source, partNumber=1)


@pytest.mark.parametrize("name", ODD_BUT_SOUND)
def test_an_odd_but_sound_file_becomes_active(omics: Any, store_id: str, started: Started, name: str) -> None:
    sources, count = ODD_BUT_SOUND[name]
    found = wait_for_read_set(omics, store_id, started[name])
    assert found["status"] == "ACTIVE", found
    assert found["sequenceInformation"]["totalReadCount"] == count * len(sources)
    for source, stored in sources.items():
        assert download(omics, store_id, started[name], source) == stored


def test_a_failed_read_set_is_listed_and_can_be_deleted(omics: Any, started: Started) -> None:
    store_id = new_store(omics)
    read_set_id = upload(omics, store_id, {"SOURCE1": b"no gzip"})
    wait_for_read_set(omics, store_id, read_set_id)
    assert omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"] == []
    listed = omics.list_read_sets(sequenceStoreId=store_id, filter={"status": "UPLOAD_FAILED"})["readSets"]
    assert [(r["id"], "gzip" in r["statusMessage"]) for r in listed] == [(read_set_id, True)]
    assert "errors" not in omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[read_set_id])
    omics.delete_sequence_store(id=store_id)


def test_no_message_names_a_path_of_the_server(
    server: RunningServer, omics: Any, store_id: str, started: Started
) -> None:
    for name in BAD:
        message = wait_for_read_set(omics, store_id, started[name])["statusMessage"]
        assert not [word for word in (str(server.data_dir), "/work", "/tmp", ".py") if word in message]


def test_lines_without_end_fail_while_other_work_goes_on(server: RunningServer, omics: Any, store_id: str) -> None:
    bombs = [upload(omics, store_id, {"SOURCE1": bomb(b"@r\n", base, 300)}) for base in (b"A", b"C")]
    clock = time.monotonic()
    sound = upload(omics, store_id, {"SOURCE1": GZ})
    assert omics.list_read_sets(sequenceStoreId=store_id, maxResults=3)["readSets"]
    assert time.monotonic() - clock < 5
    assert wait_for_read_set(omics, store_id, sound)["status"] == "ACTIVE"
    for read_set_id in bombs:
        found = wait_for_read_set(omics, store_id, read_set_id)
        assert found["status"] == "UPLOAD_FAILED"
        problems = rows(server.data_dir, "SELECT rule FROM problem WHERE read_set_id = ?", read_set_id)
        assert problems[0]["rule"] == "fastq.line-too-long"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_parts_may_end_anywhere(omics: Any, store_id: str, size: int) -> None:
    stored = GZ[:300] if size == 1 else GZ
    read_set_id = upload(omics, store_id, {"SOURCE1": stored}, part_size=size)
    found = wait_for_read_set(omics, store_id, read_set_id)
    if size == 1:
        assert (found["status"], "SOURCE1" in found["statusMessage"]) == ("UPLOAD_FAILED", True)
        return
    assert found["status"] == "ACTIVE", found
    assert found["etag"]["source1"] == hashlib.md5(TEN).hexdigest()
    assert download(omics, store_id, read_set_id) == stored


def test_parts_may_each_be_a_whole_file(omics: Any, store_id: str) -> None:
    lanes = [gz(reads(3000, seed=lane)) for lane in range(3)]
    upload_id = new_upload(omics, store_id)
    listed = send_parts(omics, store_id, upload_id, lanes)
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    found = wait_for_read_set(omics, store_id, done["readSetId"])
    assert found["status"] == "ACTIVE", found
    assert found["sequenceInformation"]["totalReadCount"] == 9000
    assert found["etag"]["source1"] == hashlib.md5(b"".join(map(gzip.decompress, lanes))).hexdigest()
    assert download(omics, store_id, done["readSetId"]) == b"".join(lanes)

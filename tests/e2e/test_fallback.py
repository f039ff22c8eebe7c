"""Uploads that fail in the real server leave their parts in the folder that their store names."""

import hashlib
import json
import random
import time

import pytest

from tests.e2e.uploading import download, gz, new_store, new_upload, pair, send_parts, upload
from tests.server import start_server, wait_for_read_set


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(server, its mapped folder)."""
    root = tmp_path_factory.mktemp("fallback")
    folder, data_dir = root / "failed", root / "data"
    folder.mkdir()
    data_dir.mkdir(mode=0o700)
    (data_dir / "strandkeep.toml").write_text(f'[buckets.failed]\nurl = "file://{folder}"\n')
    with start_server(data_dir) as server:
        yield server, folder


def bad_pair():
    """Mates of which the second file is cut short, each in several parts."""
    sources = pair(2000)
    sources["SOURCE2"] = sources["SOURCE2"][:-100]
    return {
        source: [content[at : at + 30_000] for at in range(0, len(content), 30_000)]
        for source, content in sources.items()
    }


def kept(folder, seconds=20.0):
    """What is in the folder of an upload once it is complete."""
    deadline = time.monotonic() + seconds
    while not (folder / "request.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return json.loads((folder / "request.json").read_bytes())


def test_a_failed_upload_of_two_sources_is_kept_part_by_part(place):
    server, folder = place
    omics = server.client()
    store = new_store(omics, fallbackLocation="s3://failed/uploads/")
    upload_id = new_upload(omics, store, tags={"run": "7"})
    key = {"sequenceStoreId": store, "uploadId": upload_id}
    parts = bad_pair()
    listed = [entry for source in parts for entry in send_parts(omics, store, upload_id, parts[source], source)]
    random.Random(1).shuffle(listed)
    read_set = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]

    found = wait_for_read_set(omics, store, read_set)
    assert found["status"] == "UPLOAD_FAILED"
    mine = folder / "uploads" / store / upload_id
    told = kept(mine)
    assert (told["readSetId"], told["problems"][0]["text"]) == (read_set, found["statusMessage"])
    assert told["request"]["tags"] == {"run": "7"}
    for file in told["files"]:
        content = [path.read_bytes() for path in sorted((mine / file["source"]).iterdir())]
        assert content == parts[file["source"]]
        assert len(content) > 3
        assert [part["sha256"] for part in file["parts"]] == [hashlib.sha256(part).hexdigest() for part in content]
    assert omics.get_read_set_metadata(sequenceStoreId=store, id=read_set)["statusMessage"] == found["statusMessage"]


def test_a_sound_upload_and_one_without_a_location_leave_nothing(place):
    server, folder = place
    omics = server.client()
    keeping, store = new_store(omics, fallbackLocation="s3://failed"), new_store(omics)
    sound = upload(omics, keeping, pair(50))
    bad = upload(omics, store, {"SOURCE1": gz(b"no reads")})
    assert wait_for_read_set(omics, keeping, sound)["status"] == "ACTIVE"
    assert wait_for_read_set(omics, store, bad)["status"] == "UPLOAD_FAILED"
    assert download(omics, keeping, sound) == pair(50)["SOURCE1"]
    time.sleep(3)
    assert not (folder / keeping).exists()
    assert not (folder / store).exists()


def test_a_location_that_does_not_work_is_told_by_an_event_and_keeps_nobody_from_deleting(place):
    server, _ = place
    omics, ours = server.client(), server.client("strandkeep")
    store = new_store(omics, fallbackLocation="s3://nowhere")
    read_set = upload(omics, store, {"SOURCE1": gz(b"no reads")})
    assert wait_for_read_set(omics, store, read_set)["status"] == "UPLOAD_FAILED"
    deadline, told = time.monotonic() + 20, []
    while not told and time.monotonic() < deadline:
        events = ours.list_events(filter={"resourceKind": "job"})["events"]
        told = [event["statusMessage"] for event in events if event["after"] == "FAILED"]
        time.sleep(0.05)
    assert told == [
        f"Parts of read set {read_set}, whose upload failed, are not at the fallback location: No bucket of this name "
        "is mapped for this account and role; the operator can map it in strandkeep.toml."
    ]
    assert not omics.batch_delete_read_set(sequenceStoreId=store, ids=[read_set]).get("errors")
    omics.delete_sequence_store(id=store)

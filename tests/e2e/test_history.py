"""`strandkeep events` and `strandkeep audit` beside a running server."""

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.e2e.uploading import fastq, gz, new_store, upload
from tests.server import STRANDKEEP, RunningServer, command_environment, wait_for_read_set


@pytest.fixture(scope="module")
def read_set(server: RunningServer) -> tuple[str, str]:
    """A store with an ACTIVE read set."""
    omics = server.client()
    store_id = new_store(omics)
    read_set_id = upload(omics, store_id, {"SOURCE1": gz(fastq(10))})
    assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
    return store_id, read_set_id


def begin(server: RunningServer, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STRANDKEEP, *command, "--data-dir", str(server.data_dir)],
        env=command_environment({}) | {"COLUMNS": "200", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(server: RunningServer, *command: str, **environment: str) -> str:
    with begin(server, *command, **environment) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_tells_a_person_and_a_program_the_same(server: RunningServer, read_set: tuple[str, str]) -> None:
    store_id, read_set_id = read_set
    newest, oldest = objects(printed(server, "events", "--resource", read_set_id, "--json"))
    assert (oldest["after"], newest["before"], newest["after"]) == ("PROCESSING_UPLOAD", "PROCESSING_UPLOAD", "ACTIVE")
    assert newest["sequenceStoreId"] == store_id
    table = printed(server, "events", "--resource", newest["resourceArn"]).splitlines()
    assert table[0].split() == ["id", "time", "kind", "resource", "event", "by"]
    assert [line.split()[0] for line in table[1:3]] == [str(newest["id"]), str(oldest["id"])]
    assert all(read_set_id in line for line in table[1:3])
    assert "PROCESSING_UPLOAD → ACTIVE" in table[1]


def test_events_as_eventbridge_has_them(server: RunningServer, read_set: tuple[str, str]) -> None:
    store_id, _read_set_id = read_set
    lines = objects(printed(server, "events", "--after", "0", "--eventbridge"))
    mine = [line for line in lines if line["detail"].get("id") in read_set]
    assert [line["detail-type"].removesuffix(" Status Change") for line in mine] == [
        "Sequence Store",
        *["Read Set"] * 2,
    ]
    assert [line["detail"]["status"] for line in mine] == ["ACTIVE", "PROCESSING_UPLOAD", "ACTIVE"]
    assert mine[1]["detail"]["sequenceStoreId"] == store_id
    assert {line["source"] for line in lines} == {"aws.omics"}


def test_events_follow_tells_what_happens_and_ends_quietly(server: RunningServer, read_set: tuple[str, str]) -> None:
    with begin(server, "events", "--follow", "--resource-kind", "sequenceStore", "--json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        made = new_store(server.client())
        while first["resourceId"] != made:
            first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_reader_that_has_enough_ends_it_quietly(server: RunningServer, read_set: tuple[str, str]) -> None:
    with begin(server, "events", "--follow", "--after", "0", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        new_store(server.client())
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""


def test_audit_finds_a_call_by_its_request_id(server: RunningServer, read_set: tuple[str, str]) -> None:
    store_id, read_set_id = read_set
    answer = server.client().tag_resource(resourceArn=arn(server, *read_set), tags={"a": "b"})
    asked = ("audit", "--request-id", answer["ResponseMetadata"]["RequestId"])
    (record,) = objects(printed(server, *asked, "--json"))
    assert (record["action"], record["decision"], record["outcome"]) == ("omics:TagResource", "allowed", "ok")
    table = printed(server, *asked).splitlines()
    assert table[0].split() == ["time", "by", "from", "action", "resource", "outcome", "calls"]
    assert table[1].split()[2:] == [
        "root",
        "127.0.0.1",
        "TagResource",
        f"{store_id}/readSet/{read_set_id}",
        "ok",
        "1",
    ]
    assert objects(printed(server, "audit", "--action", "TagResource", "--since", "1h", "--json"))[0] == record
    printed(server, "audit", "--action", "ListEvents", "--limit", "0", "--json")


def arn(server: RunningServer, store_id: str, read_set_id: str) -> str:
    found = server.client().get_read_set_metadata(sequenceStoreId=store_id, id=read_set_id)["arn"]
    return str(found)


def test_the_environment_names_the_server(server: RunningServer, read_set: tuple[str, str]) -> None:
    """As for a user without the data folder, who was given a key."""
    command = [*STRANDKEEP, "events", "--limit", "1", "--json", "--data-dir", "/nowhere"]
    environment = command_environment({}) | server.environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(objects(done.stdout))) == (0, 1)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["events", "--since", "soon"], "'soon' is not a time"),
        (["audit", "--decision", "maybe"], "decision"),
        (["events", "--resource", "arn:nothing"], "ResourceNotFoundException"),
    ],
)
def test_what_is_wrong_is_told(server: RunningServer, command: list[str], reason: str) -> None:
    with begin(server, *command) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("strandkeep: ")
    assert reason in err
    assert "Traceback" not in err

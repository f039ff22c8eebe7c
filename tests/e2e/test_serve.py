"""The command `strandkeep`: starting, refusing to start, ending, coming back, and what it tells."""

import http.client
import ipaddress
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests import server as servers
from tests.e2e.uploading import MIB, download, fastq, gz, new_store, new_upload, send_parts, upload
from tests.e2e.wire import UNSIGNED, Line, Wire, as_bytes
from tests.server import RunningServer, command_environment, free_port, start_server, wait_for_read_set


def strandkeep(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that is expected to end."""
    command = [*servers.STRANDKEEP, *arguments]
    return subprocess.run(command, env=command_environment(settings), capture_output=True, text=True, timeout=60)


def refuses_to_serve(data_dir: Path, *arguments: str, port: int = 0, **settings: str) -> str:
    """What `serve` says, in one line, when it does not start."""
    done = strandkeep("serve", "--data-dir", str(data_dir), "--port", str(port), *arguments, **settings)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("strandkeep: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def started(data_dir: Path, *arguments: str, port: int = 0, start_new_session: bool = False) -> subprocess.Popen[str]:
    """A server that is just starting."""
    command = [*servers.STRANDKEEP, "serve", "--data-dir", str(data_dir), "--port", str(port), *arguments]
    return subprocess.Popen(
        command,
        env=command_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """An installation whose server was stopped."""
    with start_server(tmp_path_factory.mktemp("stopped") / "data", account="123456789012") as server:
        new_store(server.client())
        assert server.stop() == 0
        yield server


# Starting


def test_serve_prints_one_line_when_it_is_ready_and_env_goes_on_after_it(data_dir: Path) -> None:
    process = started(data_dir, "--host", "localhost")
    assert process.stdout is not None
    line = process.stdout.readline()
    url = line.split()[2]
    assert url.startswith("http://localhost:")
    assert line == f"strandkeep serves {url} (pid {process.pid}, data in {data_dir})\n"
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    environment = servers.printed_environment(data_dir)
    process.terminate()
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
    assert servers.printed_environment(data_dir) == environment


def test_a_second_server_on_the_folder_names_the_holder(server: RunningServer) -> None:
    told = refuses_to_serve(server.data_dir)
    assert f"pid {server.pid} " in told
    assert server.url in told
    assert server.client().list_sequence_stores(maxResults=1)


def test_a_second_server_on_the_port_says_so(server: RunningServer, data_dir: Path) -> None:
    assert f"port {server.port}: Address already in use" in refuses_to_serve(data_dir, port=server.port)


@pytest.mark.parametrize("shared", ["folder", "port"])
def test_two_servers_started_at_once_leave_one(data_dir: Path, shared: str) -> None:
    ports = [0, 0] if shared == "folder" else [free_port()] * 2
    folders = [data_dir, data_dir if shared == "folder" else data_dir.with_name("other")]
    processes = [started(folder, port=port) for folder, port in zip(folders, ports, strict=True)]
    try:
        lines = [process.stdout.readline() for process in processes if process.stdout]
        assert len([line for line in lines if line]) == 1, lines
        loser = processes[lines.index("")]
        assert loser.wait(timeout=60) == 1
        assert loser.stderr is not None
        told = "is held by the server with pid" if shared == "folder" else f"port {ports[0]}: Address already in use"
        assert told in loser.stderr.read()
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("127.0.0.1", 70000, "--port is 70000"),
        ("127.0.0.1", -1, "--port is -1"),
        ("999.1.1.1", 0, "cannot listen on 999.1.1.1"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1 port 0: Cannot assign"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_told(data_dir: Path, host: str, port: int, told: str) -> None:
    assert told in refuses_to_serve(data_dir, "--host", host, "--behind-proxy", port=port)


def test_a_folder_that_cannot_hold_data_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "File exists" in refuses_to_serve(tmp_path / "file")
    assert "/proc/nothing" in refuses_to_serve(Path("/proc/nothing"))


def test_another_host_than_loopback_needs_tls_or_a_proxy(data_dir: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        told = refuses_to_serve(data_dir, "--host", host)
        assert host in told
        assert "--tls-cert" in told
        assert "--behind-proxy" in told
    with start_server(data_dir, "--host", "0.0.0.0", "--behind-proxy") as server:
        assert server.url.startswith("http://0.0.0.0:")
        assert new_store(server.client())


def test_a_certificate_and_its_key_belong_together(data_dir: Path, tmp_path: Path) -> None:
    certificate, key = self_made_certificate(tmp_path)
    assert "belong together" in refuses_to_serve(data_dir, "--tls-cert", str(certificate))
    assert "belong together" in refuses_to_serve(data_dir, "--tls-key", str(key))
    absent = tmp_path / "absent.pem"
    for wrong in (absent, key, data_dir):
        assert str(wrong) in refuses_to_serve(data_dir, "--tls-cert", str(wrong), "--tls-key", str(key))


def test_boto3_over_tls_with_a_self_made_certificate(data_dir: Path, tmp_path: Path) -> None:
    certificate, key = self_made_certificate(tmp_path)
    with start_server(data_dir, "--tls-cert", str(certificate), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        omics = tls_client(server, str(certificate))
        store_id = new_store(omics)
        content = gz(fastq(3000))
        read_set_id = upload(omics, store_id, {"SOURCE1": content}, part_size=100_000)
        assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
        assert download(omics, store_id, read_set_id) == content
        with pytest.raises(SSLError):
            tls_client(server, None).list_sequence_stores()
        with Line(server.port) as line:
            line.send(b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n")
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                line.reply()
        assert omics.list_sequence_stores()["sequenceStores"]


def tls_client(server: RunningServer, verify: str | None) -> Any:
    return boto3.client(
        "omics",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        endpoint_url=server.url,
        region_name=server.environment["AWS_REGION"],
        aws_access_key_id=server.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.environment["AWS_SECRET_ACCESS_KEY"],
        verify=verify,
    )


def self_made_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "strandkeep test")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths[1].write_bytes(key.private_bytes(*encoding))
    return paths


# Settings


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"min_fre": "1"}, "'min_fre'"),
        ({"min_free": "-1"}, "min_free is '-1'"),
        ({"stall_s": "1.5"}, "stall_s is '1.5'"),
        ({"region": "nowhere"}, "region is 'nowhere'"),
        ({"account": "12"}, "account is '12'"),
    ],
)
def test_a_wrong_setting_in_the_environment_is_named(data_dir: Path, settings: dict[str, str], told: str) -> None:
    assert told in refuses_to_serve(data_dir, **settings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("min_fre = 1", "'min_fre'"),
        ("min_free = true", "min_free is True"),
        ("data_dir = '/tmp'", "'data_dir'"),
        ("account = 123456789012", "account is 123456789012"),
        ("min_free = ", "strandkeep.toml cannot be read"),
    ],
)
def test_a_wrong_setting_in_the_file_is_named(data_dir: Path, text: str, told: str) -> None:
    data_dir.mkdir()
    (data_dir / "strandkeep.toml").write_text(text)
    assert told in refuses_to_serve(data_dir)


@pytest.mark.parametrize(
    ("setting", "value"), [("account", "210987654321"), ("region", "eu-west-1"), ("partition", "aws-cn")]
)
def test_what_was_fixed_at_the_first_start_cannot_change(stopped: RunningServer, setting: str, value: str) -> None:
    told = refuses_to_serve(stopped.data_dir, **{setting: value})
    assert f"{setting} is '{value}'" in told
    assert "cannot change" in told


def test_another_secret_key_is_noticed_before_anything_is_served(stopped: RunningServer) -> None:
    path = stopped.data_dir / "secret.key"
    right = path.read_bytes()
    path.write_bytes(bytes(32))
    try:
        assert "restore the secret.key" in refuses_to_serve(stopped.data_dir)
        done = strandkeep("env", "--data-dir", str(stopped.data_dir))
        assert done.returncode == 1
        assert "restore the secret.key" in done.stderr
    finally:
        path.write_bytes(right)


def test_an_empty_catalog_on_a_folder_that_holds_bytes_is_not_served_from(data_dir: Path) -> None:
    """A lost catalog, or a database_url that is wrong: to the sweep all bytes would be orphans."""
    with start_server(data_dir) as server:
        omics = server.client()
        store_id = new_store(omics)
        upload_id = new_upload(omics, store_id)
        send_parts(omics, store_id, upload_id, [b"bytes"])
        assert server.stop() == 0
    away = data_dir.with_name("away.sqlite")
    (data_dir / "catalog.sqlite").rename(away)

    told = refuses_to_serve(data_dir, orphan_grace_s="0", sweep_interval_s="1")

    assert "holds stored bytes, but the catalog is empty" in told
    for empty in data_dir.glob("catalog.sqlite*"):
        empty.unlink()
    away.rename(data_dir / "catalog.sqlite")
    with start_server(data_dir, orphan_grace_s="0") as server:
        place = {"sequenceStoreId": store_id, "uploadId": upload_id, "partSource": "SOURCE1"}
        assert len(server.client().list_read_set_upload_parts(**place)["parts"]) == 1


def test_a_database_that_is_away_is_told(data_dir: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing?connect_timeout=2"
    done = strandkeep("serve", "--data-dir", str(data_dir), "--port", "0", database_url=url)
    assert done.returncode == 1
    assert done.stderr.startswith("strandkeep: the catalog cannot be opened: ")
    assert done.stderr.count("refused") == 1
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_one_is_told(data_dir: Path) -> None:
    assert "mysql is not a database" in refuses_to_serve(data_dir, database_url="mysql://127.0.0.1/x")
    assert "cannot be opened: Could not parse" in refuses_to_serve(data_dir, database_url="nonsense")
    (data_dir / "catalog.sqlite").write_text("some text, and no database" * 1000)
    assert "cannot be opened: file is not a database" in refuses_to_serve(data_dir)


def test_the_data_folder_may_come_from_the_environment(server: RunningServer) -> None:
    done = strandkeep("env", data_dir=str(server.data_dir))
    assert done.returncode == 0, done.stderr
    assert server.url in done.stdout


def test_the_secret_lies_beside_the_database_for_its_owner_alone(stopped: RunningServer) -> None:
    secret = stopped.environment["AWS_SECRET_ACCESS_KEY"].encode()
    assert stat.S_IMODE((stopped.data_dir / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(stopped.data_dir.stat().st_mode) == 0o700
    files = [path for path in stopped.data_dir.rglob("*") if path.is_file()]
    assert {"catalog.sqlite", "jobs.sqlite", "secret.key"} <= {path.name for path in files}
    assert not [path for path in files if secret in path.read_bytes()]


# The other commands


def test_env_before_the_first_start_says_what_to_run(data_dir: Path) -> None:
    done = strandkeep("env", "--data-dir", str(data_dir))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"strandkeep serve --data-dir {data_dir}" in done.stderr
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], ["serve", "env", "demo"]),
        ([], ["serve", "env", "demo"]),
        (["serve", "--help"], ["--data-dir", "--host", "--port", "--tls-cert", "--tls-key", "--behind-proxy"]),
        (["env", "--help"], ["--data-dir", 'eval "$(strandkeep env)"']),
        (["demo", "--help"], ["R1.fastq.gz"]),
        (["--version"], ["0."]),
    ],
)
def test_help_names_every_command_and_option(arguments: list[str], told: list[str]) -> None:
    done = strandkeep(*arguments)
    assert done.returncode == 0
    for word in told:
        assert word in done.stdout


def test_a_mistyped_command_or_option_is_no_traceback() -> None:
    for arguments in (["srve"], ["serve", "--prt", "1"], ["serve", "--port", "many"]):
        done = strandkeep(*arguments)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr + done.stdout


# Health


def test_live_and_health_need_no_signature(server: RunningServer) -> None:
    for path, body in (("/live", {"status": "live"}), ("/health", {"status": "ok", "problems": {}})):
        reply = Wire(server).send("GET", path, {})
        assert (reply.status, reply.document) == (200, body)


# Ending


def test_sigterm_lets_a_part_in_flight_arrive(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        wire, omics = Wire(server), server.client()
        store_id = new_store(omics)
        upload_id = new_upload(omics, store_id)
        target = f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber=1&partSource=SOURCE1"
        headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": str(12 * MIB)}
        with Line(server.port) as line:
            line.send(as_bytes("PUT", target, headers, bytes(10 * MIB)))
            until(lambda: any((data_dir / "tmp").glob("*/????????????????????????????????")))
            server.process.terminate()
            time.sleep(0.3)  # so that the rest comes to a server that is ending
            assert server.process.poll() is None
            line.send(bytes(2 * MIB))
            assert line.reply().status == 200
        assert server.process.wait(timeout=60) == 0
        assert not list((data_dir / "tmp").iterdir())
    with start_server(data_dir) as server:
        key = {"sequenceStoreId": store_id, "uploadId": upload_id, "partSource": "SOURCE1"}
        parts = server.client().list_read_set_upload_parts(**key)["parts"]
        assert [part["partSize"] for part in parts] == [12 * MIB]


def until(true: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_start_can_be_broken_off(data_dir: Path, stop: signal.Signals) -> None:
    process = started(data_dir, start_new_session=True)
    until(lambda: (data_dir / "catalog.sqlite").exists())
    # A terminal sends Ctrl-C to every process in the foreground.
    os.killpg(process.pid, stop) if stop == signal.SIGINT else process.terminate()
    try:
        assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_ends_it_and_it_does_not_wait_for_idle_connections(data_dir: Path) -> None:
    with start_server(data_dir) as server, Line(server.port) as line:
        line.send(b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n")
        assert line.reply().status == 200
        began = time.monotonic()
        # A terminal sends it to every process in the foreground.
        for pid in server.processes():
            os.kill(pid, signal.SIGINT)
        assert server.process.wait(timeout=60) == 0
        assert time.monotonic() - began < 10


def test_kill_9_of_the_process_that_serves_brings_another(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        omics = server.client()
        store_id = new_store(omics)
        content = gz(fastq(2000))
        read_set_id = upload(omics, store_id, {"SOURCE1": content})
        upload_id = new_upload(omics, store_id)
        listed = send_parts(omics, store_id, upload_id, [content])
        parent = psutil.Process(server.pid)
        worker = next(child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE)
        worker.kill()

        def serves() -> bool:
            try:
                return bool(omics.list_sequence_stores()["sequenceStores"])
            except BotoCoreError:
                return False

        until(serves, 60)
        assert parent.pid == server.pid
        assert parent.is_running()
        assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
        assert download(omics, store_id, read_set_id) == content
        key = {"sequenceStoreId": store_id, "uploadId": upload_id}
        second = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
        assert wait_for_read_set(omics, store_id, second)["status"] == "ACTIVE"
        assert server.stop() == 0


def test_the_port_is_taken_by_one_server_alone(server: RunningServer) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", server.port))

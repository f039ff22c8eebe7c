"""The kill points: each stands in the source once, is described once, and costs nothing unless a test arms it."""

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strandkeep import kill_points
from tests.server import STRANDKEEP, command_environment

ROOT = Path(__file__).parents[1]

#: A process with a child that reaches points, as the server is one.
FAMILY = """
import os, sys
from strandkeep import kill_points
parent = os.getpid()
if os.fork():
    os.wait()
    print("the parent lives", flush=True)
else:
    kill_points.arm(sys.argv[1], parent)
    for name in ("part.stored", "blob.named", "part.stored", "part.stored"):
        print(name, flush=True)
        kill_points.reach(name)
    print("the child lives", flush=True)
"""


def reached() -> list[str]:
    """The points at which some code of ours stands, one for each call."""
    files = [path for path in (ROOT / "src" / "strandkeep").rglob("*.py") if path.stem != "kill_points"]
    calls = [node for path in files for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [ast.literal_eval(call.args[0]) for call in calls if getattr(call.func, "id", "") == "reach"]


def test_each_point_is_reached_at_one_place():
    assert sorted(reached()) == sorted(kill_points.POINTS)


def test_the_explanation_has_every_point():
    page = (ROOT / "docs" / "explanation" / "kill-points.md").read_text()
    listed = re.findall(r"^\| `([\w.]+)` \| (.*) \| (.*) \|$", page, re.M)
    assert listed == [(name, point.stands, point.holds) for name, point in kill_points.POINTS.items()]


@pytest.mark.parametrize(
    ("setting", "lines"), [("part.stored", 1), ("part.stored:1", 1), ("part.stored:3", 4), ("blob.named", 2)]
)
def test_parent_and_child_die_at_the_nth_time(setting, lines):
    done = subprocess.run([sys.executable, "-c", FAMILY, setting], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.splitlines()) == lines
    assert "lives" not in done.stdout


def test_nothing_happens_at_a_point_that_is_not_armed_or_not_that_often():
    for setting in ("", "part.in_transaction", "part.stored:4"):
        done = subprocess.run([sys.executable, "-c", FAMILY, setting], capture_output=True, text=True)
        assert done.stdout.splitlines()[-2:] == ["the child lives", "the parent lives"]


@pytest.mark.parametrize("setting", ["part", "part.stored:", "part.stored:0", "part.stored:-1", "part.stored:1:1", " "])
def test_a_point_that_there_is_not_is_an_error_that_names_those_that_there_are(setting):
    with pytest.raises(ValueError, match="it must be the name of a kill point") as refusal:
        kill_points.arm(setting, 0)
    assert repr(setting) in str(refusal.value)
    assert ", ".join(kill_points.POINTS) in str(refusal.value)


def test_the_server_does_not_start_with_a_point_that_there_is_not(tmp_path):
    command = [*STRANDKEEP, "serve", "--data-dir", str(tmp_path / "data"), "--port", "0"]
    environment = command_environment({"kill_point": "part.lost"})
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    assert "strandkeep: kill_point is 'part.lost'" in done.stderr

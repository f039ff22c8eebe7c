"""Processes forked from one that has loaded a module: a thousand commands, each free to crash, in a few seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any


class Forks:
    """Runs `obey(order)` of a module, each time in a fresh process. As a context it leaves none behind."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "tests.formats.forks", module]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env={**os.environ, **environment})

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def fork(self, order: Mapping[str, Any]) -> int:
        """The exit status of the process that obeyed; negative for a signal."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _serve(module: str) -> None:
    obey = import_module(module).obey
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                obey(json.loads(line))
            finally:
                os._exit(70)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])

"""Resolve the two lock files from pyproject.toml: `make lock`."""

import subprocess
import sys

COMPILE = [
    *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--universal"),
    *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"),
]
DEMO, DEV = "requirements/demo.lock", "requirements/dev.lock"


def main() -> None:
    """Resolve what runs, then what tests in agreement with it."""
    extras = ("--extra", "server", "--extra", "build")
    subprocess.run([*COMPILE, *extras, "--output-file", DEMO], check=True)
    subprocess.run([*COMPILE, "--all-extras", "--constraints", DEMO, "--output-file", DEV], check=True)


main()

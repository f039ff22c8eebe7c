"""What `strandkeep serve` looks at before it starts. What it does then is shown by `tests/e2e/test_serve.py`."""

from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

# The package has a function of this name as well.
serve = import_module("strandkeep.cli.serve")


def test_a_kernel_that_was_not_compiled_is_named(tmp_path):
    formats = tmp_path / "formats"
    formats.mkdir()
    for name in ("_there", "_absent"):
        (formats / f"{name}.pyx").touch()
    (formats / f"_there{EXTENSION_SUFFIXES[0]}").touch()
    with pytest.raises(serve.CannotServe, match=r"formats/_absent is missing.*strandkeep\[server\].*C compiler"):
        serve._check_server_parts(tmp_path)


def test_this_installation_has_all_that_a_server_needs():
    serve._check_server_parts()

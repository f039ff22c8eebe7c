"""What htslib says on stderr, so that it can be put into words that a user understands."""

import os
from contextlib import suppress
from types import TracebackType

_KEPT = 8192
_PIPE = 1 << 16
_STDERR = 2


class Complaints:
    """As a context it takes what is written to stderr, and hands the end of it on to the real one when it is left.

    What is written faster than it is heard is lost, rather than that the writer waits.
    """

    def __init__(self) -> None:
        self._said = b""
        self._real = os.dup(_STDERR)
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(writing, False)
        os.dup2(writing, _STDERR)
        os.close(writing)

    def __enter__(self) -> "Complaints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hear()
        os.dup2(self._real, _STDERR)
        with suppress(OSError):
            os.write(_STDERR, self._said)

    def hear(self) -> str:
        """The last of all that was said so far."""
        with suppress(BlockingIOError):
            self._said = (self._said + os.read(self._reading, _PIPE))[-_KEPT:]
        return self._said.decode("utf-8", "replace")

"""What htslib writes to a file, for a worker may write none."""

import os
import threading

_READ = 1 << 16


class Gathered:
    """A descriptor `writing`, and all that is written to it until it is closed."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._thread.start()

    def content(self) -> bytes:
        """What was written; waits until `writing` is closed."""
        self._thread.join()
        return b"".join(self._pieces)

    def _gather(self) -> None:
        while piece := os.read(self._reading, _READ):
            self._pieces.append(piece)
        os.close(self._reading)

"""A CRAM file's bytes on their way to htslib: checked, and put into a pipe by a thread of their own."""

import os
import threading
from queue import SimpleQueue

from strandkeep.formats.cram_layout import Version, header_container
from strandkeep.formats.cram_slices import Slice, Slices
from strandkeep.formats.stored import StoredBytes


class Feed(threading.Thread):
    """Feeds htslib a file whose header has been read: a header of the given `text`, then all containers as they are.

    `slices` gives each slice before its bytes can be read, and None behind the last; then `error` tells why they ended
    before the end of the file, if they did.
    """

    def __init__(self, stored: StoredBytes, version: Version, definition: bytes, text: bytes) -> None:
        super().__init__(daemon=True)
        self.reading, self._writing = os.pipe()
        self.slices: SimpleQueue[Slice | None] = SimpleQueue()
        self.error: BaseException | None = None
        self._head = definition + header_container(text, version)
        self._slices = Slices(stored, version, self.slices.put, self._put)

    def run(self) -> None:
        """Feed until the file ends, is found to be at fault, or is read no more."""
        try:
            self._put(self._head)
            self._slices.run()
        except BaseException as error:
            self.error = error
        # In this order: whoever finds the pipe at its end finds the reason there.
        self.slices.put(None)
        os.close(self._writing)

    def _put(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._writing, rest) :]

"""FASTQ text, checked, counted and digested in one pass."""

import hashlib

from strandkeep.formats import _fastq as kernel
from strandkeep.formats._md5 import Md5
from strandkeep.formats._qc import Counters
from strandkeep.formats.fastq_refusals import HEAD, refuse_other_text, scan_refusal


class FastqText:
    """Takes text in pieces of any size, file by file. Raises Refusal at the first fault.

    `digest` is over all that was fed: an Md5, or a hashlib object.
    """

    def __init__(self, algorithm: str, longest_line: int, *, names: bool, qc: Counters | None = None) -> None:
        """`algorithm` of hashlib; `longest_line` in bytes; `names`: whether `feed` hands out name hashes; `qc` counts
        the reads.
        """
        self.digest = Md5() if algorithm == "md5" else hashlib.new(algorithm, usedforsecurity=False)
        self._longest_line = longest_line
        self._scanner = kernel.Scanner(longest_line, names, qc)
        self._head = b""
        self._known = False

    @property
    def first_header(self) -> bytes:
        """The first header line without '@', at most 1,024 bytes."""
        return bytes(self._scanner.first_header)

    @property
    def reads(self) -> int:
        """Whole sound records so far."""
        return int(self._scanner.reads)

    @property
    def bases(self) -> int:
        """Bases of those records."""
        return int(self._scanner.bases)

    @property
    def length(self) -> int:
        """Bytes of text so far."""
        return int(self._scanner.text_length)

    def feed(self, text: bytes) -> bytes:
        """Check a piece; the name hashes of its headers, 8 bytes each."""
        if not self._known:
            self._head += text
            if len(self._head) < HEAD:
                return b""
            text = self._begin()
        return self._scan(text)

    def end_file(self, *, followed: bool) -> bytes:
        """The end of a file, perhaps `followed` by another's text; what `feed` would still have handed out."""
        hashes = b"" if self._known else self._scan(self._begin())
        self._known = False
        self._scanner.end_file(followed)
        self._refuse_fault()
        return hashes

    def finish(self) -> None:
        """The end of the last file's text was that of all."""
        self._scanner.finish()
        self._refuse_fault()

    def _begin(self) -> bytes:
        refuse_other_text(self._head)
        self._known, head, self._head = True, self._head, b""
        return head

    def _scan(self, text: bytes) -> bytes:
        self.digest.update(text)
        hashes: bytes = self._scanner.feed(text)
        self._refuse_fault()
        return hashes

    def _refuse_fault(self) -> None:
        if self._scanner.fault:
            raise scan_refusal(self._scanner, self._longest_line)

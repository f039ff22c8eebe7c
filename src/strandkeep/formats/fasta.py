"""FASTA text, checked, measured and digested in one pass."""

import hashlib
from base64 import urlsafe_b64encode

from strandkeep.formats import _fasta as kernel
from strandkeep.formats._md5 import Md5
from strandkeep.formats.fasta_refusals import HEAD, bad_name, duplicate_name, refuse_other_text, scan_refusal

#: GA4GH's sha512t24u: so many bytes of the SHA-512, as base64url.
_TRUNCATED = 24


class FastaText:
    """Takes text in pieces of any size. Raises Refusal at the first fault.

    `fai` grows by a line of the index for each sequence, `table` by a line of its name, length, MD5 and sha512t24u;
    whoever takes lines from them may remove them.
    """

    def __init__(self, text_md5: Md5) -> None:
        """`text_md5` is a digest in which the text waits; it is carried along."""
        self.fai = bytearray()
        self.table = bytearray()
        self._text_md5 = text_md5
        self._scanner = kernel.Scanner()
        self._names: set[bytes] = set()
        self._head = b""
        self._known = False
        self._begin_digests()

    @property
    def sequences(self) -> int:
        """Whole sound sequences so far."""
        return len(self._names)

    @property
    def length(self) -> int:
        """Bytes of text so far."""
        return int(self._scanner.text_length)

    def feed(self, text: bytes) -> None:
        """Check a piece."""
        if not self._known:
            self._head += text
            if len(self._head) < HEAD:
                return
            text = self._begin()
        self._scan(text)

    def finish(self) -> None:
        """The end of the text."""
        if not self._known:
            self._scan(self._begin())
        for sequence in self._scanner.finish():
            self._end(sequence)
        self._refuse_fault()

    def _begin(self) -> bytes:
        refuse_other_text(self._head)
        self._known, head, self._head = True, self._head, b""
        return head

    def _scan(self, text: bytes) -> None:
        bases, ended = self._scanner.feed(text)
        at = 0
        for sequence in ended:
            end = sequence[-1]
            self._digest(bases[at:end])
            self._end(sequence)
            at = end
        self._digest(bases[at:])
        self._refuse_fault()

    def _digest(self, bases: bytes) -> None:
        self._md5.update(bases)
        self._sha512.update(bases)

    def _end(self, sequence: tuple[bytes, int, int, int, int, int]) -> None:
        name, length, offset, line_bases, line_width, _ = sequence
        self._take_name(name)
        sha512t24u = urlsafe_b64encode(self._sha512.digest()[:_TRUNCATED])
        self.fai += b"%s\t%d\t%d\t%d\t%d\n" % (name, length, offset, line_bases, line_width)
        self.table += b"%s\t%d\t%s\t%s\n" % (name, length, self._md5.hexdigest().encode(), sha512t24u)
        self._begin_digests()

    def _take_name(self, name: bytes) -> None:
        record = self.sequences + 1
        if not _is_printable(name):
            raise bad_name(name, record)
        if name in self._names:
            raise duplicate_name(name, record)
        self._names.add(name)

    def _begin_digests(self) -> None:
        self._sha512 = hashlib.sha512(usedforsecurity=False)
        self._md5 = Md5()
        self._md5.carry(self._text_md5)

    def _refuse_fault(self) -> None:
        if self._scanner.fault:
            raise scan_refusal(self._scanner)


def _is_printable(name: bytes) -> bool:
    try:
        return name.decode().isprintable()
    except UnicodeDecodeError:
        return False

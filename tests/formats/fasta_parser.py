"""FASTA checked the slow and obvious way: what the kernel must agree with."""

import base64
import hashlib
import re
from dataclasses import dataclass

_BLANKS = b"\t\n\v\f\r "
_NO_BASE = re.compile(rb"[^ACGTURYSWKMBDHVN]", re.IGNORECASE)
_LETTER = re.compile(rb"[A-Za-z]")
_LONGEST_NAME = 1024


@dataclass(frozen=True)
class Verdict:
    """`rule` None: sound, and so are `fai` and `digests` (name, length, MD5, sha512t24u). Otherwise the record."""

    rule: str | None
    record: int | None = None
    fai: bytes = b""
    digests: tuple[tuple[str, int, str, str], ...] = ()


class _Fault(Exception):
    pass


@dataclass
class _Sequence:
    name: bytes
    offset: int
    bases: bytes = b""
    line: tuple[int, int] = (0, 0)  # bases and bytes
    closed: str = ""

    def take(self, line: bytes, end: bytes) -> None:
        """One more line of it, `end` being LF, CR LF or what is there of that at the end of the file."""
        if not line:
            self.closed = "fasta.blank-line"
            return
        if self.closed:
            raise _Fault(self.closed)
        if wrong := _NO_BASE.search(line):
            raise _Fault("fasta.protein" if _LETTER.match(wrong[0]) else "fasta.base")
        usual, width = self.line
        if not usual:
            self.line = len(line), len(line) + (2 if b"\r" in end else 1)
        elif len(line) > usual:
            raise _Fault("fasta.uneven-lines")
        elif end and (b"\r" in end) != (width - usual == 2):
            raise _Fault("fasta.line-ends")
        elif len(line) < usual:
            self.closed = "fasta.uneven-lines"
        self.bases += line.upper()

    def check(self, names: list[bytes]) -> None:
        """The sequence is at its end."""
        if not self.bases:
            raise _Fault("fasta.empty-sequence")
        try:
            printable = self.name.decode().isprintable()
        except UnicodeDecodeError:
            printable = False
        if not printable:
            raise _Fault("fasta.name")
        if self.name in names:
            raise _Fault("fasta.duplicate-name")

    def fai(self) -> bytes:
        """Its line of the index."""
        return b"%s\t%d\t%d\t%d\t%d\n" % (self.name, len(self.bases), self.offset, *self.line)

    def digests(self) -> tuple[str, int, str, str]:
        """Name, length, MD5, sha512t24u."""
        sha512t24u = base64.urlsafe_b64encode(hashlib.sha512(self.bases).digest()[:24]).decode()
        return self.name.decode(), len(self.bases), hashlib.md5(self.bases).hexdigest(), sha512t24u


def parse(text: bytes) -> Verdict:
    """The verdict on a whole text."""
    found: list[_Sequence] = []
    try:
        _read(text, found)
        for number, sequence in enumerate(found):
            sequence.check([other.name for other in found[:number]])
    except _Fault as fault:
        earlier = _first_bad(found[:-1])
        record, rule = earlier or (max(len(found), 1), str(fault))
        return Verdict(rule, record)
    if not found:
        return Verdict("fasta.empty")
    return Verdict(None, None, b"".join(s.fai() for s in found), tuple(s.digests() for s in found))


def _first_bad(found: list[_Sequence]) -> tuple[int, str] | None:
    for number, sequence in enumerate(found):
        try:
            sequence.check([other.name for other in found[:number]])
        except _Fault as fault:
            return number + 1, str(fault)
    return None


def _read(text: bytes, found: list[_Sequence]) -> None:
    at = 0
    for whole in re.findall(rb"[^\n]*\n|[^\n]+", text):
        at += len(whole)
        if whole.startswith(b">"):
            found.append(_Sequence(_name(whole), at))
            if not found[-1].name:
                raise _Fault("fasta.no-name")
            if len(found[-1].name) > _LONGEST_NAME:
                raise _Fault("fasta.name-too-long")
            continue
        line = whole.removesuffix(b"\n").removesuffix(b"\r") if whole != b"\r" else whole
        if found:
            found[-1].take(line, whole[len(line) :])
        elif line:
            raise _Fault("fasta.header")


def _name(header: bytes) -> bytes:
    return (header[1:].lstrip(_BLANKS).split(None, 1) or [b""])[0]

"""The contigs of a file's header, and whether they are those of the reference that the file is linked to."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from strandkeep.formats.refusals import Refusal

#: The longest contig, in bases, that SAM and BAM can tell.
LONGEST = (1 << 31) - 1

#: Most contigs of a file, for which a worker's memory does.
MOST = 1_500_000

#: A contig's name, as the SAM specification had it first: a few letters more than today.
_NAME = re.compile(r"[!-)+-<>-~][!-~]*")
_LENGTH = re.compile(r"[0-9]{1,10}")

# A header may have so many lines that there is no room for a list of them.
_OTHER_LINE = re.compile(r"^[^@\n]", re.MULTILINE)
_SQ_LINE = re.compile(r"^@SQ\t(.*)", re.MULTILINE)


class Contig(NamedTuple):
    """A sequence that reads are mapped to: its name, its length in bases, and its M5 (lower-case hex) where known."""

    name: str
    length: int
    md5: str | None


#: The contigs of a reference, by name.
Dictionary = dict[str, Contig]


def load_dictionary(path: str) -> Dictionary:
    """The contigs of a reference, from its JSON: a list of [name, length, md5]."""
    return {name: Contig(name, length, md5) for name, length, md5 in json.loads(Path(path).read_bytes())}


def in_header(text: str) -> list[Contig]:
    """The @SQ lines of a header, in order. Raises Refusal for one without a name or a length, and for other text."""
    if other := _OTHER_LINE.search(text):
        number = text.count("\n", 0, other.start()) + 1
        raise Refusal("alignment.header", f"line {number} of the header does not begin with '@'")
    check_count(text.count("\n@SQ\t"))
    return [_contig(line[1]) for line in _SQ_LINE.finditer(text)]


def _contig(line: str) -> Contig:
    fields = dict(field.split(":", 1) for field in line.split("\t") if ":" in field)
    if "SN" not in fields or not _LENGTH.fullmatch(fields.get("LN", "")):
        raise Refusal("alignment.header", "an @SQ line of the header lacks a name (SN) or a length (LN)")
    return Contig(fields["SN"], int(fields["LN"]), fields.get("M5", "").lower() or None)


def check_count(count: int) -> None:
    """Raises Refusal when a header has more contigs than there is room for."""
    if count > MOST:
        raise Refusal("alignment.header", f"the header has more than {MOST} contigs")


def check(contigs: Iterable[Contig]) -> None:
    """Raises Refusal when a contig of a header has a name or a length that none may have, or two have one name."""
    seen: set[str] = set()
    for contig in contigs:
        if not _NAME.fullmatch(contig.name):
            raise Refusal("alignment.header", f"the header names a contig {contig.name!r}, which is no contig's name")
        if contig.length > LONGEST:
            raise Refusal("alignment.header", f"the header has the contig {contig.name!r} longer than {LONGEST} bases")
        if contig.name in seen:
            raise Refusal("alignment.header", f"the header names the contig {contig.name!r} twice")
        seen.add(contig.name)


def fitting(contigs: Sequence[Contig], dictionary: Dictionary | None) -> bytes | None:
    """A byte for each contig, 0 for one that the reference does not have as it is; None without a reference."""
    if dictionary is None:
        return None
    return bytes(why_foreign(contig, dictionary) is None for contig in contigs)


def why_foreign(contig: Contig, dictionary: Dictionary) -> str | None:
    """What sets a contig apart from the reference's, as the end of a sentence; None when nothing does."""
    known = dictionary.get(contig.name)
    if known is None:
        return "which the reference does not have"
    if known.length != contig.length:
        return f"which has {contig.length} bases by the header but {known.length} in the reference"
    if contig.md5 and contig.md5 != known.md5:
        return f"which is another sequence in the reference: its M5 is {known.md5}, by the header {contig.md5}"
    return None

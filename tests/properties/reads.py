"""Small gzipped FASTQ, sound and broken, whole and in pieces; and what is in it, found out the slow and obvious way."""

import gzip
import hashlib
import zlib
from typing import Any

from tests.formats.fastq_files import gz, records
from tests.formats.reference_parser import parse

FIRST, SECOND = records(4), records(4, mate=2)
WHOLE = gz(b"".join(FIRST[:2]))

#: What parts are made of. Some files of these parts are sound, most are not.
PIECES = {
    "two reads": WHOLE,
    "one read": gz(b"".join(FIRST[2:3])),
    "first half of two reads": WHOLE[:31],
    "second half of two reads": WHOLE[31:],
    "two mates": gz(b"".join(SECOND[:2])),
    "one mate": gz(b"".join(SECOND[2:3])),
    "short qualities": gz(b"@broken\nACGT\n+\nFF\n"),
    "plain text": b"no gzip at all",
}


def examine(files: dict[str, bytes], family: str) -> dict[str, Any] | None:
    """Reads, bases, the digest of each file's text and whether there is something to say; None for a broken file."""
    digest = getattr(hashlib, family.removesuffix("up").lower())
    verdicts, etag = [], {}
    for source, content in sorted(files.items()):
        try:
            text = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return None
        verdicts.append(parse(text))
        etag[source.lower()] = digest(text).hexdigest()
    names = [verdict.names for verdict in verdicts]
    strangers = len(names) > 1 and are_strangers(*names)
    if any(verdict.rule for verdict in verdicts) or len(set(map(len, names))) > 1:
        return None
    if not strangers and names[0] != names[-1]:
        return None
    return {
        "reads": sum(verdict.reads for verdict in verdicts),
        "bases": sum(verdict.bases for verdict in verdicts),
        "etag": {"algorithm": f"FASTQ_{family}", **etag},
        "strangers": strangers,
    }


def are_strangers(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> bool:
    """Whether the read names of two files have nothing to do with each other, so that only their number counts."""
    agree = any(a == b for a, b in zip(first, second, strict=False))
    each_once = len(set(first)) == len(first) and len(set(second)) == len(second)
    return not agree and not (each_once and set(first) & set(second))

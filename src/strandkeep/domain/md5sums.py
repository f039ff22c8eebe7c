"""Lists of MD5s that lie beside files: what `md5sum`, `md5sum --tag`, BSD's `md5` and `openssl md5` write."""

import re
import unicodedata
from collections.abc import Mapping

from strandkeep.domain.file_names import shown_file_name

#: Names that such a list has in a folder.
LISTS = ("md5sum.txt", "md5sums.txt", "MD5.txt", "MD5SUMS")

#: What the list of a single file adds to its name.
SUFFIX = ".md5"

#: A list that is longer is none: two hundred bytes for each of forty thousand files.
LONGEST = 8 << 20

Md5s = Mapping[str, frozenset[str]]

_MD5 = r"(?P<md5>[0-9A-Fa-f]{32})"
_LINE = re.compile(
    rf"(?P<escaped>\\?)(?:{_MD5}(?:[ \t]+\*?(?P<name>.*))?|MD5 ?\((?P<tagged>.*)\) ?= ?{_MD5.replace('md5', 'tag')})"
)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}

#: What a line names that is of no file: nothing, or what came by a pipe.
_NO_NAME = frozenset({"", "-"})


def md5s_of(content: bytes) -> Md5s:
    """Base name → MD5s that a list tells of files of that name, in lower-case hex; "" → those that it tells of no name.

    Lines that are not understood say nothing.
    """
    found: dict[str, set[str]] = {}
    for line in content.decode("utf-8-sig", "replace").split("\n"):
        match = _LINE.fullmatch(line.rstrip("\r \t"))
        if match is not None:
            md5, name = match["md5"] or match["tag"], match["name"] or match["tagged"] or ""
            found.setdefault(_base_name(name, escaped=bool(match["escaped"])), set()).add(md5.lower())
    return {name: frozenset(md5s) for name, md5s in found.items()}


def told_of(name: str, listed: Md5s) -> frozenset[str]:
    """The MD5s that a list of a folder tells of the file `name` in it."""
    return listed.get(_normal(name), frozenset())


def told_beside(name: str, listed: Md5s) -> frozenset[str]:
    """The MD5s that the list of the file `name` alone tells of it, though it may have had another name then."""
    return told_of(name, listed) or frozenset().union(*listed.values())


def difference(name: str, md5: str, told: frozenset[str], where: str) -> str | None:
    """What to say of a file whose MD5 is none of those that a list tells of it; None when all is well."""
    if not told or md5 in told:
        return None
    both = f"its MD5 is {md5[:8]}…, but {where} says {min(told)[:8]}…"
    return f"{shown_file_name(name)}: {both}. Copy it again, or mend {where}."


def _base_name(name: str, *, escaped: bool) -> str:
    """The last component of a path. `\\` is a separator, as Windows has it, unless it escapes."""
    if name in _NO_NAME:
        return ""
    if escaped:
        name = re.sub(r"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], name)
    return _normal(re.split(r"/" if escaped else r"[/\\]", name)[-1])


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)

"""Why a CRAM file is refused that is laid out as one: its records cannot be decoded. What htslib says, in words."""

import re
from collections.abc import Callable

from strandkeep.formats.cram_slices import Slice
from strandkeep.formats.refusals import Refusal

_OTHER_BASES = re.compile(r"MD5 checksum reference mismatch at (.+):(-?\d+)--?\d+\n")
_NOT_THERE = re.compile(r'(?:Unable to fetch reference (.+):-?\d+--?\d+|Failed to populate reference "(.+)")\n')


def not_decoded(said: str, where: Slice | None, *, given: bool, foreign: Callable[[str], str | None]) -> Refusal:
    """The refusal of a file whose records cannot be decoded.

    `said` is what htslib says; `where`, the slice, if it is known; `given`, whether there is a reference; `foreign`
    tells what sets a contig apart from the reference's, if anything does.
    """
    offset = where.container if where else None
    if found := _NOT_THERE.search(said):
        name = found[1] or found[2]
        if not given:
            text = f"records on {name!r} are stored as differences from a reference, and none is named: name its ARN"
            return Refusal("cram.no-reference", text, offset=offset)
        return Refusal("alignment.reference", f"it has records on {name!r}, {foreign(name) or _ABSENT}", offset=offset)
    if found := _OTHER_BASES.search(said):
        why = foreign(found[1]) or f"whose bases from {found[2]} on are not those of the reference that is named"
        return Refusal("alignment.reference", f"it has records on {found[1]!r}, {why}", offset=offset)
    place = "the container at byte {offset}" if where else "a container"
    text = f"the file is damaged: records in {place} cannot be decoded; send it again"
    return Refusal("cram.undecodable", text, offset=offset)


_ABSENT = "which cannot be found in the reference"

"""What the name of a read tells of the run that it comes from."""

import re

from strandkeep.formats.facts import Run

#: inst:run:flowcell:lane:tile:x:y, since CASAVA 1.8; more fields (a UMI) may follow.
_ILLUMINA = re.compile(r"([\w-]+):(\d+):([\w-]+):(\d+):\d+:-?\d+:-?\d+(?::\S*)?")
#: inst:lane:tile:x:y#index/mate, before that.
_OLD_ILLUMINA = re.compile(r"([\w-]+):(\d+):\d+:-?\d+:-?\d+(?:[#/]\S*)?")


def run_of(header: str) -> Run | None:
    """The run of a header line without '@'. The archives put an accession before the name: both words are tried."""
    for word in header.split()[:2]:
        if found := _ILLUMINA.fullmatch(word):
            instrument, run, flow_cell, lane = found.groups()
            return Run(instrument, run, flow_cell, int(lane))
        if found := _OLD_ILLUMINA.fullmatch(word):
            return Run(found[1], None, None, int(found[2]))
    return None

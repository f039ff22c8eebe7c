"""What is kept of an examination: facts, digests and QC of a read set."""

from dataclasses import asdict, replace
from typing import Any

from strandkeep.catalog import Transaction, qc, stored_files
from strandkeep.domain.file_types import etag_algorithm
from strandkeep.formats.facts import Examination, SourceFacts
from strandkeep.jobs.examination import Reads

#: Version of the JSON in `read_set.facts`; `docs/reference/catalog.md` describes it.
_FACTS_VERSION = 1
#: Version of the JSON in `qc.content`, which `formats/qc.py` makes.
_QC_VERSION = 1

MESSAGE_LENGTH = 255


def columns(reads: Reads, found: Examination) -> dict[str, Any]:
    """What the row of a read set says of its files when they are sound."""
    return {
        "etag_algorithm": etag_algorithm(reads.file_type, reads.family),
        "facts": as_json(found),
        "facts_version": _FACTS_VERSION,
        "status_message": " ".join(found.notes)[:MESSAGE_LENGTH] or None,
    }


def put(tx: Transaction, reads: Reads, found: Examination) -> None:
    """Keep digests and QC of the files of a read set, whose rows are there."""
    files = [
        stored_files.FileFacts(source, facts.stored_sha256, facts.stored_md5, facts.text_digest)
        for source, facts in found.sources.items()
    ]
    stored_files.put_facts(tx, reads.id, etag_algorithm(reads.file_type, reads.family), files)
    facts_of_qc = {source: facts.qc for source, facts in found.sources.items() if facts.qc is not None}
    if facts_of_qc:
        qc.put(tx, reads.id, _QC_VERSION, facts_of_qc)


def as_json(found: Examination) -> dict[str, Any]:
    """The facts as `read_set.facts` and manifests have them."""
    return {
        "totalReadCount": sum(facts.reads for facts in found.sources.values()),
        "totalBaseCount": sum(facts.bases for facts in found.sources.values()),
        "run": asdict(found.run) if found.run else None,
        "sources": {source: _source_facts(facts) for source, facts in found.sources.items()},
        "notes": list(found.notes),
    }


def _source_facts(facts: SourceFacts) -> dict[str, Any]:
    told = asdict(replace(facts, qc=None, originals=()))
    del told["qc"], told["originals"]
    return told

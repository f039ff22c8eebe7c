"""The files that the sources of an import are made of, once all of them were examined."""

import hashlib
from collections.abc import Iterator, Sequence

from strandkeep.catalog.originals import Original
from strandkeep.domain.file_names import imported_file_name
from strandkeep.formats.facts import Examination, OriginalFacts
from strandkeep.jobs.fetching import Fetch


def originals_of(fetches: Sequence[Fetch], found: Examination) -> list[Original]:
    """What is known of each file, in the order of `fetches` and their originals."""
    return [original for fetch in fetches for original in _of_source(fetch, found)]


def _of_source(fetch: Fetch, found: Examination) -> Iterator[Original]:
    start = 0
    for number, (came, facts) in enumerate(zip(fetch.originals, _facts(fetch, found), strict=True), 1):
        name, begins = imported_file_name(came.uri), None if found.head else start
        yield Original(fetch.source, number, name, begins, came.size, facts.md5, facts.reads)
        start += came.size


def _facts(fetch: Fetch, found: Examination) -> Sequence[OriginalFacts]:
    facts = found.sources[fetch.source]
    if facts.originals:
        return facts.originals
    # What is known of the stored bytes is of the file with its new head.
    md5 = _md5_as_it_came(fetch) if found.head else facts.stored_md5
    return [OriginalFacts(md5, facts.reads)]


def _md5_as_it_came(fetch: Fetch) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in fetch.again():
        digest.update(chunk)
    return digest.hexdigest()

"""Every kind of job: the function that does it, and which of them wait for each other."""

from collections.abc import Mapping

from strandkeep.domain.states import CANCELLABLE_JOBS, CANCELLING
from strandkeep.jobs.engine import Queue
from strandkeep.jobs.fallback import fall_back
from strandkeep.jobs.import_read_sets import import_read_set
from strandkeep.jobs.import_references import import_reference
from strandkeep.jobs.ingest import ingest
from strandkeep.jobs.running import Kind
from strandkeep.jobs.verify import verify
from strandkeep.settings import Settings

KINDS: Mapping[str, Kind] = {
    "fallback": fall_back,
    "ingest": ingest,
    "read-set-import": import_read_set,
    "reference-import": import_reference,
    "verify": verify,
}

_IMPORTS = ("read-set-import", "reference-import")

#: One of an account, so that one whose bucket does not answer keeps no other waiting.
_FALLBACKS = 2

#: Constant: to let go of a source is a matter of moments.
_LETTING_GO = 8


def queues(settings: Settings) -> list[Queue]:
    """The queues of a server. What is imported may take hours: a place is always left for another account.

    What is cancelled waits for no place.
    """
    ingests, imports = settings.ingest_workers, settings.import_workers
    return [
        Queue(("ingest",), ingests, ingests),
        Queue(_IMPORTS, imports, max(1, imports - 1), by_item=True, states=CANCELLABLE_JOBS),
        Queue(_IMPORTS, _LETTING_GO, _LETTING_GO, by_item=True, states=(CANCELLING,)),
        Queue(("fallback",), _FALLBACKS, 1),
        Queue(("verify",), 1, 1),
    ]

"""Model against server: everything acknowledged is there, nothing else is half there; then rows against bytes."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from tests.kills.bytes_check import Fetched, Finding, Keeping
from tests.kills.check_imports import differences_of_imports
from tests.kills.check_references import differences_of_references
from tests.kills.client import Client
from tests.kills.model import ABSENT, DELETED, OPEN, READ_SET, THERE, Reads, Store, checksum

_JOBS_END_WITHIN_S = 60
_SWEPT_WITHIN_S = 20

_BUSY = "PROCESSING_UPLOAD"


def findings(client: Client, keeping: Keeping, fetched: Collection[Fetched]) -> list[Finding]:
    """What is wrong after a restart; empty when all is well. What was not acknowledged is taken as it is found.

    `fetched` is what counted before it of imports that had not ended. Gone when the server is killed meanwhile.
    """
    stuck = _wait_until_none(client, keeping.unfinished_jobs, _JOBS_END_WITHIN_S)
    differences = [] if stuck else [*keeping.fetched_again(fetched), *_differences(client)]
    acknowledged, client.model.acknowledged = client.model.acknowledged, []
    unrecorded = keeping.unrecorded(acknowledged)
    return [*stuck, *differences, *unrecorded, *_wait_until_none(client, keeping.faults, _SWEPT_WITHIN_S)]


def _wait_until_none(client: Client, look: Callable[[], list[Finding]], seconds: float) -> list[Finding]:
    deadline = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < deadline:
        # Rows outlive the server: without this, one that was killed would look like one that is stuck.
        client.pages("list_sequence_stores", "sequenceStores")
        time.sleep(0.05)
    return found


def _differences(client: Client) -> list[Finding]:
    model = client.model
    listed = client.pages("list_sequence_stores", "sequenceStores")
    found = _doubled_or_unknown("store", (item["name"] for item in listed), {store.name for store in model.stores})
    ids = {item["name"]: item["id"] for item in listed}
    for store in model.stores:
        found += _differences_of_store(client, store, ids.get(store.name))
    model.stores = [store for store in model.stores if store.state.value != ABSENT]
    return found + differences_of_references(client)


def _doubled_or_unknown(kind: str, names: Iterable[str], known: set[str]) -> list[Finding]:
    times = Counter(names)
    doubled = [Finding("doubled", f"{kind} {name} is there {n} times") for name, n in times.items() if n > 1]
    return doubled + [Finding("half", f"{kind} {name} was not asked for") for name in times.keys() - known]


def _differences_of_store(client: Client, store: Store, store_id: str | None) -> list[Finding]:
    expected = set(store.state.possible)
    if not store.state.settle(THERE if store_id else ABSENT):
        return [Finding("lost", f"store {store.name} is {store.state.value}, not {expected}")]
    if store_id is None:
        return []
    if store.id is None:
        client.create(store)
    if store.id != store_id:
        return [Finding("doubled", f"store {store_id} is {store.id} by its clientToken")]
    return [*_differences_of_tags(client, store), *_differences_of_content(client, store, store_id)]


def _differences_of_content(client: Client, store: Store, store_id: str) -> list[Finding]:
    found = differences_of_imports(client, store)
    seen = _seen(client, store_id)
    stuck = [thing_id for _, state, thing_id in seen if state == _BUSY]
    if stuck:
        return [Finding("stuck", f"read set {read_set_id} has no job") for read_set_id in stuck]
    found += _doubled_or_unknown("upload", (name for name, _, _ in seen), {reads.name for reads in store.reads})
    states = {name: (state, thing_id) for name, state, thing_id in seen}
    for reads in store.reads:
        found += _differences_of_reads(client, reads, *states.get(reads.name, (ABSENT, "")))
    store.reads = [reads for reads in store.reads if reads.state.value != ABSENT]
    return found


def _seen(client: Client, store_id: str) -> list[tuple[str, str, str]]:
    """(name, state, id) of all that a store lists; a read set that is still being checked has that as its state."""
    uploads = client.pages("list_multipart_read_set_uploads", "uploads", sequenceStoreId=store_id)
    read_sets = client.pages("list_read_sets", "readSets", sequenceStoreId=store_id)
    deleted = client.pages("list_read_sets", "readSets", sequenceStoreId=store_id, filter={"status": "DELETED"})
    return [
        *((item["name"], OPEN, item["uploadId"]) for item in uploads),
        *((item["name"], _BUSY if item["status"] == _BUSY else READ_SET, item["id"]) for item in read_sets),
        *((item["name"], DELETED, item["id"]) for item in deleted),
    ]


def _differences_of_reads(client: Client, reads: Reads, state: str, thing_id: str) -> list[Finding]:
    expected = set(reads.state.possible)
    purged = client.model.purges and state == ABSENT and DELETED in expected
    if not reads.state.settle(state) and not purged:
        return [Finding("lost", f"upload {reads.name} is {state}, not {expected}")]
    if state == OPEN:
        return _differences_of_upload(client, reads, thing_id)
    if state == READ_SET:
        return _differences_of_read_set(client, reads, thing_id)
    return []


def _differences_of_upload(client: Client, reads: Reads, upload_id: str) -> list[Finding]:
    if reads.upload_id is None:
        client.begin(reads)
    if reads.upload_id != upload_id:
        return [Finding("doubled", f"upload {upload_id} is {reads.upload_id} by its clientToken")]
    key = {"sequenceStoreId": reads.store.id, "uploadId": upload_id}
    checksums = {
        (source, part["partNumber"]): part["checksum"]
        for source in ("SOURCE1", "SOURCE2")
        for part in client.pages("list_read_set_upload_parts", "parts", **key, partSource=source)
    }
    found = [Finding("half", f"part {place} was not asked for") for place in checksums.keys() - reads.parts.keys()]
    for place, part in reads.parts.items():
        contents = {content and checksum(content): content for content in part.possible}
        seen = checksums.get(place)
        if seen not in contents:
            found.append(Finding("lost", f"part {place} of upload {upload_id} is {seen}, not {set(contents)}"))
        else:
            part.settle(contents[seen])
    return found


def _differences_of_read_set(client: Client, reads: Reads, read_set_id: str) -> list[Finding]:
    if reads.read_set_id is None:
        client.conclude(reads)
    if reads.read_set_id != read_set_id:
        return [Finding("doubled", f"read set {read_set_id} is {reads.read_set_id} by its Complete")]
    status = client.checked(reads, 0)
    if status != ("ACTIVE" if reads.sound else "UPLOAD_FAILED"):
        return [Finding("half", f"read set {read_set_id} is {status}")]
    found = [*_differences_of_tags(client, reads), *_differences_of_fallback(reads)]
    for source, content in reads.content().items() if reads.sound else ():
        if client.download(reads, source) != content:
            found.append(Finding("lost", f"read set {read_set_id} has other bytes in {source}"))
    return found


def _differences_of_fallback(reads: Reads) -> list[Finding]:
    """What is not kept of a failed upload; a test puts its parts in the order of their numbers, from 1."""
    if reads.sound or reads.store.fallback is None:
        return []
    folder = reads.store.fallback / str(reads.store.id) / str(reads.upload_id)
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    told = kept.pop(folder / "request.json", None)
    parts = {folder / source / f"part-{number:05}": content for (source, number), content in reads.stored().items()}
    return [] if told and kept == parts else [Finding("lost", f"{folder} has only {[str(path) for path in kept]}")]


def _differences_of_tags(client: Client, thing: Store | Reads) -> list[Finding]:
    tags = client.ask("list_tags_for_resource", resourceArn=thing.arn)["tags"]
    own = frozenset((key, value) for key, value in tags.items() if not key.startswith("aws:"))
    expected = set(thing.tags.possible)
    return [] if thing.tags.settle(own) else [Finding("lost", f"{thing.arn} has the tags {own}, not one of {expected}")]

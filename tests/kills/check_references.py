"""Model against server, for references: each that was asked for is there, whole and once."""

from tests.kills.bytes_check import Finding
from tests.kills.client import Client
from tests.kills.model import ABSENT, THERE, Imported, References


def differences_of_references(client: Client) -> list[Finding]:
    """What is wrong with reference stores and references, once all jobs have ended."""
    model, found = client.model, []
    listed = client.pages("list_reference_stores", "referenceStores")
    ids = {item["name"]: item["id"] for item in listed}
    if len(ids) != len(listed) or ids.keys() - {store.name for store in model.references}:
        found.append(Finding("doubled", f"reference stores are {sorted(item['name'] for item in listed)}"))
    for store in model.references:
        if not store.state.settle(THERE if store.name in ids else ABSENT):
            found.append(Finding("lost", f"reference store {store.name} is {store.state.value}"))
        elif store.name in ids:
            found += _differences_of_store(client, store)
    model.references = [store for store in model.references if store.state.value != ABSENT]
    return found


def _differences_of_store(client: Client, store: References) -> list[Finding]:
    if store.id is None:
        client.create_references(store)
    listed = client.pages("list_references", "references", referenceStoreId=store.id)
    names = [item["name"] for item in listed]
    if len(set(names)) != len(names):
        return [Finding("doubled", f"reference store {store.id} has {sorted(names)}")]
    jobs = client.pages("list_reference_import_jobs", "importJobs", referenceStoreId=store.id)
    if jobs and store.job_id is None:
        client.ask_for_import(store)
    if [job["id"] for job in jobs] != ([store.job_id] if store.job_id else []):
        return [Finding("doubled", f"reference store {store.id} has the jobs {jobs}, not {store.job_id}")]
    if jobs and jobs[0]["status"] != "COMPLETED":
        return [Finding("lost", f"import job {store.job_id} is {jobs[0]['status']}")]
    if jobs:
        client.import_ended(store)
    return [difference for one in store.imported for difference in _differences(client, store, one, names)]


def _differences(client: Client, store: References, one: Imported, names: list[str]) -> list[Finding]:
    expected = set(one.state.possible)
    if not one.state.settle(THERE if one.name in names else ABSENT):
        return [Finding("lost", f"reference {one.name} is {one.state.value}, not {expected}")]
    if one.state.value == THERE and client.reference_bytes(store, one) != one.content:
        return [Finding("lost", f"reference {one.name} has other bytes")]
    return []

"""QC facts of read sets, on both databases; what they must be is in tests/formats/test_qc.py."""

import gzip

import pytest

from strandkeep.catalog import read_sets, tables
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.running import run_job
from tests.operations.conftest import NEVER, file_of, with_settings

TWO = gzip.compress(b"@a\nACGTN\n+\nIIII#\n@b\nACC\n+\n!5?\n")
ONE = gzip.compress(b"@a\nGG\n+\nII\n@b\nGG\n+\nII\n")


def ingested(api, store, *contents):
    """A read set that ingest has ended."""
    sources = {f"SOURCE{n}": file_of(api, content)[0] for n, content in enumerate(contents, 1)}
    read_set = api.insert_read_set(store, "UPLOAD_FAILED", files=sources)
    api("ReingestReadSet", sequenceStoreId=store, id=read_set)
    for job in api.rows(tables.job, subject=read_set):
        run_job(api.house, {"ingest": ingest}, tell_read_set, job.id)
    return read_set


def qc_of(api, store, read_set):
    return api("GetReadSetQc", sequenceStoreId=store, id=read_set)


def test_get_read_set_qc_tells_what_the_reads_of_each_source_are_like(api, store):
    read_set = ingested(api, store, TWO, ONE)

    answer = qc_of(api, store, read_set)

    assert {name: answer[name] for name in ("id", "sequenceStoreId", "version")} == {
        "id": read_set,
        "sequenceStoreId": store,
        "version": 1,
    }
    first, second = answer["sources"]
    assert (first["source"], first["reads"], first["bases"]) == ("SOURCE1", 2, 8)
    assert (second["source"], second["reads"], second["bases"]) == ("SOURCE2", 2, 4)
    assert first["lengths"] == {
        "shortest": 3,
        "longest": 5,
        "mean": 4.0,
        "n50": 5,
        "bins": [{"shortest": 3, "longest": 3, "reads": 1}, {"shortest": 5, "longest": 5, "reads": 1}],
    }
    assert first["cycles"][0] == {
        **{"first": 1, "last": 1, "mean": 20.0, "p10": 0, "p25": 0, "p50": 0, "p75": 40, "p90": 40},
        **{"a": 2, "c": 0, "g": 0, "t": 0, "other": 0},
    }
    assert first["cycles"][4] == {
        **{"first": 5, "last": 5, "mean": 2.0, "p10": 2, "p25": 2, "p50": 2, "p75": 2, "p90": 2},
        **{"a": 0, "c": 0, "g": 0, "t": 0, "other": 1},
    }
    assert second["gc"] == [{"percent": 100, "reads": 2}]
    assert "alignment" not in first


def test_get_read_set_qc_stays_until_a_deleted_read_set_is_purged(api, store):
    read_set = ingested(api, store, ONE)
    before = qc_of(api, store, read_set)
    api("BatchDeleteReadSet", sequenceStoreId=store, ids=[read_set])
    assert qc_of(api, store, read_set) == before

    api.house.catalog.write(lambda tx: read_sets.purge(tx, read_set))

    assert api.rows(tables.qc, read_set_id=read_set) == []
    with pytest.raises(ResourceNotFoundException, match="does not exist"):
        qc_of(api, store, read_set)


def test_get_read_set_qc_while_it_is_processed_says_when_there_will_be_some(api, store):
    read_set = api.insert_read_set(store, "PROCESSING_UPLOAD")
    with pytest.raises(ConflictException, match="still PROCESSING_UPLOAD; it has QC facts as soon as it is ACTIVE"):
        qc_of(api, store, read_set)


def test_get_read_set_qc_of_a_failed_upload_says_why_it_failed(api, store):
    read_set = ingested(api, store, gzip.compress(b"@a\nACGT\n+\nII\n"))
    with pytest.raises(ConflictException, match=r"UPLOAD_FAILED, so it has no QC facts. SOURCE1, record 1"):
        qc_of(api, store, read_set)


@pytest.mark.parametrize("status", ["ACTIVE", "ARCHIVED", "DELETED"])
def test_get_read_set_qc_of_a_read_set_without_facts_says_what_to_do(api, store, status):
    read_set = api.insert_read_set(store, status)
    with pytest.raises(ResourceNotFoundException, match=r"with the setting qc off.*Upload it again"):
        qc_of(api, store, read_set)


def test_get_read_set_qc_finds_nothing_of_others_and_nothing_that_is_none(api, other, store):
    read_set = ingested(api, store, ONE)
    for caller, ids in (
        (other, (store, read_set)),
        (api, (store, NEVER)),
        (api, (NEVER, read_set)),
        (api, (store, "x" * 16)),
    ):
        with pytest.raises(ResourceNotFoundException, match="does not exist"):
            qc_of(caller, *ids)


def test_no_qc_facts_are_made_when_the_setting_is_off(api, store):
    read_set = ingested(with_settings(api, qc="off"), store, ONE)
    assert api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["status"] == "ACTIVE"
    assert api.rows(tables.qc, read_set_id=read_set) == []

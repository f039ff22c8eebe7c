"""A catalog as a core has it after years: 1,000,000 read sets in one store, and 10,000,000 parts.

The parts of a completed upload live on as blobs and segments; their `part` rows go. So the 10,000,000 are 5,000,000
stretches of read sets (`blob` and `segment`) and 5,000,000 parts of 500 uploads that are open (`blob` and `part`).
Every row is made by the database itself, from a series of numbers; the same statements serve both databases.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.domain import states

READ_SETS = 1_000_000
SEGMENTS = 5
UPLOADS = 500
PARTS = 10_000
STORES = 1_000

#: A read set every half minute.
_BEGIN = 1_700_000_000_000_000
_EVERY = 30_000_000

_FIRST_ID = 10**15
_FIRST_UPLOAD = 2 * 10**15
_FIRST_STORE = 3 * 10**15
_FIRST_BLOB = 4 * 10**15

#: Filter → (its column, a value that six of ten read sets have, one that seven have in a million).
VALUES: Mapping[str, tuple[str, str, str]] = {
    "name": ("name", "reads", "rare-name"),
    "subjectId": ("subject_id", "control", "rare-subject"),
    "sampleId": ("sample_id", "control-sample", "rare-sample"),
    "generatedFrom": ("generated_from", "NovaSeq-1", "rare-run"),
    "referenceArn": ("reference_arn", "", "arn:aws:omics:us-east-1:000000000000:referenceStore/1/reference/2"),
    "creationType": ("creation_type", "UPLOAD", "IMPORT"),
}

_RARE_EVERY = 142_857

#: How a database takes rows in bulk, as long as nobody minds when it is lost.
_HASTE = {
    "sqlite": ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000"),
    "postgresql": ("SET LOCAL session_replication_role = replica",),
}

_FACTS = {
    "totalReadCount": 20_000_000,
    "totalBaseCount": 3_000_000_000,
    "run": {"instrument": "A00111", "run": "42", "flowcell": "HFKLYDSX3", "lane": "3"},
    "sources": {"SOURCE1": {"reads": 20_000_000, "bases": 3_000_000_000, "stored_sha256": "0" * 64, "text": "1" * 64}},
    "notes": [],
}


def fill(url: str, account: str, store: str) -> None:
    """Make every row of a migrated catalog that has the account and the store; foreign keys are not checked."""
    postgresql = url.startswith("postgresql")
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for setting in _HASTE["postgresql" if postgresql else "sqlite"]:
            connection.exec_driver_sql(setting)
        for statement in _statements(account, store):
            connection.execute(statement)
    if postgresql:
        # What autovacuum does within minutes.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _statements(account: str, store: str) -> Iterator[sa.Insert]:
    yield _insert(tables.sequence_store, STORES, lambda n: _store(n, account))
    yield _insert(tables.read_set, READ_SETS, lambda n: _read_set(n, account, store))
    yield _insert(tables.file, READ_SETS, _file)
    yield _insert(tables.digest, READ_SETS, _digest)
    yield _insert(tables.blob, READ_SETS * SEGMENTS + UPLOADS * PARTS, _blob)
    yield _insert(tables.segment, READ_SETS * SEGMENTS, _segment)
    yield _insert(tables.upload, UPLOADS, lambda n: _upload(n, account, store))
    yield _insert(tables.part, UPLOADS * PARTS, _part)


def _insert(table: sa.Table, count: int, row: Any) -> sa.Insert:
    series = sa.select(sa.literal(0, sa.BigInteger).label("n")).cte("series", recursive=True)
    series = series.union_all(sa.select(series.c.n + 1).where(series.c.n < count - 1))
    values = row(series.c.n)
    columns = [
        value.label(name) if isinstance(value, sa.ColumnElement) else sa.literal(value, table.c[name].type).label(name)
        for name, value in values.items()
    ]
    return sa.insert(table).from_select(list(values), sa.select(*columns))


def _store(n: Any, account: str) -> dict[str, Any]:
    created = _BEGIN + n * _EVERY
    fixed = {"account": account, "name": "store", "etag_family": "MD5up", "status": states.ACTIVE, "version": 1}
    return {"id": _text(_FIRST_STORE + n), **fixed, "created": created, "updated": created}


def _read_set(n: Any, account: str, store: str) -> dict[str, Any]:
    return {
        "id": _text(_FIRST_ID + n),
        "account": account,
        "store_id": store,
        "revision": 1,
        **{column: _value(n, place, filter_) for place, (filter_, (column, *_)) in enumerate(VALUES.items())},
        "file_type": "FASTQ",
        "status": _status(n),
        "purge_after": sa.case((_status(n) == states.DELETED, 2 * _BEGIN), else_=sa.null()),
        "creation_job_id": _text(_FIRST_UPLOAD + n),
        "etag_algorithm": "FASTQ_MD5up",
        "facts": _FACTS,
        "facts_version": 1,
        "created": _BEGIN + n * _EVERY,
        "version": 2,
    }


def _value(n: Any, place: int, filter_: str) -> Any:
    """Common for six read sets of ten, rare for seven in all, otherwise one of 40,000; columns do not follow others."""
    column, common, rare = VALUES[filter_]
    others = sa.literal(f"{column}-") + _text(n * 7919 % 40_000)
    if filter_ == "creationType":
        return sa.case((n % _RARE_EVERY == place, rare), else_=common)
    return sa.case(
        (n % _RARE_EVERY == place, rare),
        (n * 7919 // (3 + place) % 10 < 6, common or sa.null()),
        else_=others,
    )


def _status(n: Any) -> Any:
    """Nine of ten ACTIVE. A run of 20,000 newest ones is DELETED: lists that hide them must not walk over them."""
    return sa.case(
        (n >= READ_SETS - 20_000, states.DELETED),
        (n % 50 == 1, states.DELETED),
        (n % 25 == 2, states.ARCHIVED),
        (n % 100 == 3, states.UPLOAD_FAILED),
        (n % 1_000 == 4, states.PROCESSING_UPLOAD),
        (n % 100_000 == 5, states.ACTIVATING),
        else_=states.ACTIVE,
    )


def _file(n: Any) -> dict[str, Any]:
    facts = {"sha256": "0" * 64, "md5": "0" * 32, "media_type": "application/gzip", "last_modified": _BEGIN}
    key = {"holder_id": _text(_FIRST_ID + n), "source": "SOURCE1"}
    return {**key, "file_name": "reads.fastq.gz", "size": SEGMENTS * 100 << 20, **facts}


def _digest(n: Any) -> dict[str, Any]:
    what = {"algorithm": "FASTQ_MD5up", "definition": 1, "value": sa.literal("0" * 16) + _text(_FIRST_ID + n)}
    return {"holder_id": _text(_FIRST_ID + n), "source": "SOURCE1", **what}


def _blob(n: Any) -> dict[str, Any]:
    sizes = {"length": 100 << 20, "stored_length": 100 << 20, "sha256": "0" * 64, "block_crcs": b"0000" * 10}
    return {"name": _blob_name(n), "place": "local", **sizes, "state": "live", "created": _BEGIN}


def _segment(n: Any) -> dict[str, Any]:
    key = {"holder_id": _text(_FIRST_ID + n // SEGMENTS), "source": "SOURCE1", "start": n % SEGMENTS * (100 << 20)}
    return {**key, "blob": _blob_name(n), "offset": 0, "length": 100 << 20}


def _upload(n: Any, account: str, store: str) -> dict[str, Any]:
    given = {"file_type": "FASTQ", "subject_id": "control", "sample_id": "control-sample", "name": "reads", "tags": {}}
    place = {"id": _text(_FIRST_UPLOAD + n), "account": account, "store_id": store}
    return {**place, **given, "state": states.OPEN, "created": _BEGIN + n * _EVERY, "version": 1}


def _part(n: Any) -> dict[str, Any]:
    key = {"upload_id": _text(_FIRST_UPLOAD + n // PARTS), "source": "SOURCE1", "number": n % PARTS + 1}
    times = {"created": _BEGIN + n % PARTS * 1_000_000, "updated": _BEGIN + n % PARTS * 1_000_000}
    return {**key, "size": 100 << 20, "sha256": "0" * 64, "blob": _blob_name(READ_SETS * SEGMENTS + n), **times}


def _blob_name(n: Any) -> Any:
    return sa.literal("0" * 16) + _text(_FIRST_BLOB + n)


def _text(number: Any) -> Any:
    return sa.cast(number, sa.Text)

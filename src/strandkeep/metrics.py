"""Every instrument once: what `GET /metrics` tells, in the words of `docs/reference/metrics.md`.

Labels are names of operations, outcomes, kinds and states: never an id, an account or a name that somebody gave. The
service models bound the operations; an unknown one is `omics:Unknown`.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from strandkeep import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which only OpenMetrics has a use for
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300)
_JOB_SECONDS = (0.1, 1, 10, 60, 300, 1800, 7200, 28_800)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_GROUPS = (1, 2, 4, 8, 16, 32, 64)

REQUESTS = Counter(
    "strandkeep_requests_total",
    'Calls by operation and outcome: "ok", the error, or "Disconnected".',
    ("operation", "outcome"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "strandkeep_request_seconds",
    "From a call's head to the last byte of its answer, by operation.",
    ("operation",),
    buckets=_REQUEST_SECONDS,
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("strandkeep_requests_in_flight", "Calls that are not answered yet.", registry=REGISTRY)
RECEIVED = Counter("strandkeep_received_bytes_total", "Bytes of bodies that came in.", registry=REGISTRY)
SENT = Counter("strandkeep_sent_bytes_total", "Bytes of bodies that went out.", registry=REGISTRY)

JOBS = Counter(
    "strandkeep_jobs_total",
    'Attempts of jobs by kind and outcome: "completed", "refused" (it ended FAILED and says why), "dropped" (another '
    'attempt counts, or the server stopped) or "failed" (by the server\'s fault; tried again).',
    ("kind", "outcome"),
    registry=REGISTRY,
)
JOB_SECONDS = Histogram(
    "strandkeep_job_seconds", "How long an attempt ran, by kind.", ("kind",), buckets=_JOB_SECONDS, registry=REGISTRY
)
JOBS_UNFINISHED = Gauge(
    "strandkeep_jobs_unfinished", "Jobs that have not ended, by state.", ("state",), registry=REGISTRY
)
OLDEST_WAITING = Gauge(
    "strandkeep_oldest_waiting_job_seconds", "How long the oldest job waits that never began; 0 for none.",
    registry=REGISTRY,
)  # fmt: skip
READ_SETS = Gauge("strandkeep_read_sets", "Read sets by status, counted at each sweep.", ("status",), registry=REGISTRY)

DAMAGED_BLOCKS = Counter(
    "strandkeep_damaged_blocks_total",
    "Reads that met a block which is not what was stored, or is missing.",
    registry=REGISTRY,
)
FREE = Gauge("strandkeep_free_bytes", "Room that is left where the bytes lie.", registry=REGISTRY)

SWEPT = Counter(
    "strandkeep_swept_total",
    "What sweeps took away: uploads expired, read sets purged, orphans condemned, blobs removed.",
    ("what",),
    registry=REGISTRY,
)
SWEEPS_FAILED = Counter("strandkeep_sweeps_failed_total", "Sweeps that failed; the next goes on.", registry=REGISTRY)
LAST_SWEEP = Gauge(
    "strandkeep_last_sweep_timestamp_seconds", "When the last sweep ended well, since 1970.", registry=REGISTRY
)

COMMIT_SECONDS = Histogram(
    "strandkeep_commit_seconds",
    "How long a group of transactions (SQLite) or one (PostgreSQL) took with its commit.",
    buckets=_COMMIT_SECONDS,
    registry=REGISTRY,
)
COMMIT_GROUP = Histogram(
    "strandkeep_commit_transactions",
    "How many transactions shared one commit; always 1 on PostgreSQL.",
    buckets=_GROUPS,
    registry=REGISTRY,
)
AUDIT_WAITING = Gauge(
    "strandkeep_audit_records_waiting", "Records of calls that are not in the catalog yet.", registry=REGISTRY
)

Gauge("strandkeep_build_info", "1; the version is its label.", ("version",), registry=REGISTRY).labels(__version__).set(
    1
)


def describe() -> dict[str, tuple[str, str]]:
    """Name → (type, what it tells) of every instrument of ours, for the reference."""
    families = [family for family in REGISTRY.collect() if family.name.startswith("strandkeep_")]
    return {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.documentation)
        for family in families
    }


def exposition() -> bytes:
    """Everything in the text format of Prometheus; takes some milliseconds."""
    return generate_latest(REGISTRY)

"""The command `strandkeep`."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strandkeep import __version__

app = App(
    name="strandkeep",
    version=__version__,
    help="A sequence store that anyone can run: the storage half of AWS HealthOmics.",
)

DATA_DIR = Path("strandkeep-data")

DataDir = Annotated[Path, Parameter(env_var="STRANDKEEP_DATA_DIR")]


@app.command
def serve(
    data_dir: DataDir = DATA_DIR,
    host: str = "127.0.0.1",
    port: int = 8000,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    behind_proxy: bool = False,
) -> int:
    """Serve in the foreground until SIGTERM or Ctrl-C.

    Parameters
    ----------
    data_dir
        The folder that holds everything; made at the first start, together with an account and its root key.
    host
        The address to listen on. Another than loopback needs TLS or --behind-proxy.
    port
        The port to listen on; 0 takes a free one.
    tls_cert
        The certificate chain in PEM.
    tls_key
        The certificate's private key in PEM.
    behind_proxy
        A proxy in front does TLS.
    """
    from strandkeep.cli.serve import run_server

    return run_server(data_dir, host, port, tls_cert, tls_key, behind_proxy)


@app.command
def env(data_dir: DataDir = DATA_DIR) -> int:
    """Print the `export` lines that make boto3 and the AWS CLI talk to this installation.

    Use it as: eval "$(strandkeep env)"

    Parameters
    ----------
    data_dir
        The folder of an installation that was started once; its server may be running.
    """
    from strandkeep.cli.env import print_environment

    return print_environment(data_dir)


@app.command
def demo(*reads: Path) -> int:
    """Start a server, upload a paired FASTQ in parts through boto3, wait, download, compare, and show it all.

    Parameters
    ----------
    reads
        R1.fastq.gz and R2.fastq.gz, or one single-end file; without them reads are simulated.
    """
    from strandkeep.cli.demo import run_demo

    return run_demo(reads)


@app.command
def events(
    data_dir: DataDir = DATA_DIR,
    *,
    follow: Annotated[bool, Parameter(alias="-f")] = False,
    resource: str | None = None,
    resource_kind: str | None = None,
    kind: str | None = None,
    since: str | None = None,
    until: str | None = None,
    after: int | None = None,
    limit: int = 50,
    json: bool = False,
    eventbridge: bool = False,
) -> int:
    """Print what happened to stores, uploads, read sets and jobs, the newest first.

    Parameters
    ----------
    data_dir
        The folder of the installation, unless the environment names one as `strandkeep env` prints it.
    follow
        Go on with what happens from now on (or from --since or --after on), the oldest first, until Ctrl-C.
    resource
        Only of this thing: an id or an ARN.
    resource_kind
        Only of things of this kind: sequenceStore, readSet, upload or job.
    kind
        Only events of this kind, such as state.
    since
        Only from this time on: 2026-11-22, 2026-11-22T08:00:00Z, or so long ago: 90s, 15m, 2h, 7d.
    until
        Only before this time.
    after
        Every event behind the one of this id, the oldest first; 0 begins with the first event.
    limit
        As many at most; 0 for all. Not for --follow and --after.
    json
        One JSON object a line.
    eventbridge
        One JSON object a line, as AWS HealthOmics gives it to EventBridge; other events are left out.
    """
    from strandkeep.cli.history import Asked, print_events

    asked = {"resource": resource, "resourceKind": resource_kind, "kind": kind, "since": since, "until": until}
    return print_events(data_dir, Asked(asked, limit, json), follow=follow, after=after, eventbridge=eventbridge)


@app.command
def audit(
    data_dir: DataDir = DATA_DIR,
    *,
    action: str | None = None,
    principal: str | None = None,
    access_key: str | None = None,
    source_address: str | None = None,
    resource: str | None = None,
    decision: str | None = None,
    outcome: str | None = None,
    request_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 50,
    json: bool = False,
) -> int:
    """Print who called what, allowed or denied, the newest first.

    Parameters
    ----------
    data_dir
        The folder of the installation, unless the environment names one as `strandkeep env` prints it.
    action
        Only this operation, such as GetReadSet or omics:GetReadSet.
    principal
        Only calls by this ARN.
    access_key
        Only calls that named this access key.
    source_address
        Only calls from this IP address.
    resource
        Only calls on this ARN.
    decision
        allowed or denied.
    outcome
        Only calls that ended so: ok, or the name of an error.
    request_id
        The call that was answered with this id.
    since
        Only from this time on: 2026-11-22, 2026-11-22T08:00:00Z, or so long ago: 90s, 15m, 2h, 7d.
    until
        Only before this time.
    limit
        As many at most; 0 for all.
    json
        One JSON object a line.
    """
    from strandkeep.cli.history import Asked, print_audit

    asked = {"action": action, "principal": principal, "accessKeyId": access_key, "sourceAddress": source_address}
    asked |= {"resource": resource, "decision": decision, "outcome": outcome, "requestId": request_id}
    return print_audit(data_dir, Asked({**asked, "since": since, "until": until}, limit, json))


@app.command
def verify(
    data_dir: DataDir = DATA_DIR,
    *,
    store: str | None = None,
    read_set: str | None = None,
    sample: int | None = None,
    unverified_days: int | None = None,
    rate: str | None = None,
    wait: bool = True,
    id: str | None = None,
    json: bool = False,
) -> int:
    """Compare stored bytes with their checksums, and report damage by read set.

    The exit status is 0 when all is sound, 1 when something is damaged, 2 when it could not be found out.

    Parameters
    ----------
    data_dir
        The folder of the installation, unless the environment names one as `strandkeep env` prints it.
    store
        Only this sequence store.
    read_set
        Only this read set of the store.
    sample
        Only so many of a hundred blobs, chosen by chance.
    unverified_days
        Only what was not verified for so many days.
    rate
        Bytes per second at most, such as 64M.
    wait
        Wait until it has ended, and report.
    id
        Report on this verification, and start none.
    json
        Print the report as JSON.
    """
    from strandkeep.cli.verify import Scope, run_verify

    return run_verify(data_dir, Scope(store, read_set, sample, unverified_days, rate), id, wait=wait, as_json=json)


@app.command
def qc(
    read_set: str,
    data_dir: DataDir = DATA_DIR,
    *,
    store: str | None = None,
    json: bool = False,
    fastqc_zip: Path | None = None,
) -> int:
    """Show what the reads of a read set are like: qualities, bases by cycle, lengths, GC; of alignments flagstat.

    Parameters
    ----------
    read_set
        The read set's id or ARN.
    data_dir
        The folder of the installation, unless the environment names one as `strandkeep env` prints it.
    store
        The sequence store that it is in; without it the account's stores are searched.
    json
        Print the facts as JSON.
    fastqc_zip
        Write a zip for each file into this folder, as FastQC does, for MultiQC.
    """
    from strandkeep.cli.qc import run_qc

    return run_qc(data_dir, read_set, store, as_json=json, zips=fastqc_zip)


def main() -> None:
    """Entry point of the command."""
    sys.exit(app())

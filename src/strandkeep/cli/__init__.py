"""The command `strandkeep`."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

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


def main() -> None:
    """Entry point of the command. A command line that is wrong ends it with 2, not with what a command may answer."""
    try:
        sys.exit(app(exit_on_error=False))
    except CycloptsError:
        sys.exit(2)

"""`strandkeep serve`: everything that a person can have got wrong is told here, before a process starts to serve."""

import ctypes
import ipaddress
import logging
import multiprocessing
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from functools import partial
from importlib.machinery import PathFinder
from importlib.util import find_spec
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from strandkeep.folder import DataFolder, FolderInUse
from strandkeep.logs import configuration
from strandkeep.settings import Settings, SettingsError, load_settings

#: Seconds that requests in flight have to end after SIGTERM: more than a stalled body is waited for.
_DRAIN_S = 40

_LAST_PORT = 65535

_PR_SET_PDEATHSIG = 1

#: Connections that the kernel keeps until they are taken; it has a limit of its own (net.core.somaxconn).
_BACKLOG = 4096

#: Connections that are held even where open files are limited tightly.
_FEW_CONNECTIONS = 64

#: Descriptors for the server's own files, databases and processes.
_OWN_FILES = 512

#: Most bytes that are read from a connection at once, and the longest head. Each read is a round trip between granian's
#: thread and the event loop: its own 400 KiB cost a tenth more CPU. Against more speaks what a connection may hold.
_BUFFER = 800 * 1024


class CannotServe(Exception):
    """Why the server does not start, in words for the person who started it."""


def run_server(
    data_dir: Path, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, behind_proxy: bool
) -> int:
    """Serve until told to stop; the exit status."""
    try:
        folder = DataFolder(data_dir)
        folder.prepare()
        folder.check_free()
        settings = load_settings(folder.path)
        _check_exposure(host, tls_cert, tls_key, behind_proxy)
        _check_certificate(tls_cert, tls_key)
        _check_server_parts()
        address = _address(host)
        port, guard = _take_port(address, port)
    except (CannotServe, FolderInUse, SettingsError, OSError) as reason:
        print(f"strandkeep: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    url = f"{'https' if tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    with guard:
        return _serve(folder, url, address, port, tls_cert, tls_key, settings)


def _serve(
    folder: DataFolder,
    url: str,
    address: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    settings: Settings,
) -> int:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    server = Granian(
        "strandkeep.app:load_edge",
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        # What granian calls so is the number of connections that it holds: idle ones count, further ones wait.
        backpressure=_room_for(settings.connections),
        http1_settings=HTTP1Settings(max_buffer_size=_BUFFER, header_read_timeout=settings.idle_s * 1000),
        workers=1,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_S,
        log_level=LogLevels.error,
        log_dictconfig=configuration(settings.log_format, settings.log_level),
        ssl_cert=tls_cert,
        ssl_key=tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    failed = multiprocessing.Event()
    server.serve(target_loader=partial(_load, folder.path, url, os.getpid(), failed), wrap_loader=False)
    return int(failed.is_set())


def _room_for(connections: int) -> int:
    """How many connections the limit of open files has room for, `connections` at most; the limit is raised for it.

    Each may have a file open besides. Without room a connection would be taken and dropped, and files not opened.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OWN_FILES + 2 * connections
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return min(connections, max((most - _OWN_FILES) // 2, _FEW_CONNECTIONS))


def _load(data_dir: Path, url: str, parent: int, failed: Event) -> Callable[..., Any]:
    """The application, made in the process that serves; only there are its many parts imported.

    What keeps it from starting is told once, and ends the parent too, which would only bring this process back.
    """
    # Before the imports, which take long: a server that is killed while it starts must not outlive it either.
    _die_with(parent)
    # Until granian listens to signals here, the parent's handlers would swallow them. Ctrl-C reaches the parent too.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from strandkeep.app import CannotStart, ServeOptions, load_edge

    try:
        return load_edge(ServeOptions(data_dir, url, parent))
    except CannotStart as reason:
        print(f"strandkeep: {reason}", file=sys.stderr)  # noqa: T201
    except Exception:
        logging.exception("the server cannot start")
    failed.set()
    os.kill(parent, signal.SIGTERM)
    while True:
        signal.pause()


def _die_with(parent: int) -> None:
    """End this process as soon as its parent does, a kill -9 included; at once when it is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _check_exposure(host: str, tls_cert: Path | None, tls_key: Path | None, behind_proxy: bool) -> None:
    if (tls_cert is None) != (tls_key is None):
        raise CannotServe("--tls-cert and --tls-key belong together")
    if not (_is_loopback(host) or tls_cert or behind_proxy):
        raise CannotServe(
            f"{host} is not a loopback address: give --tls-cert and --tls-key, or --behind-proxy if a proxy does TLS. "
            "Parts are sent with an unsigned payload: without TLS anyone on the wire could change their bytes"
        )


def _check_certificate(tls_cert: Path | None, tls_key: Path | None) -> None:
    if tls_cert and tls_key:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls_cert, tls_key)
        except OSError as fault:
            raise CannotServe(f"--tls-cert {tls_cert} and --tls-key {tls_key} are of no use: {fault}") from fault


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_server_parts(package: Path = Path(__file__).parent.parent) -> None:
    """Raise CannotServe when a module was not compiled, or a library of the server alone is not there."""
    # Not by their full names: that would import their packages, which import them.
    kernels = [
        source for source in package.glob("*/_*.pyx") if not PathFinder.find_spec(source.stem, [str(source.parent)])
    ]
    missing = [f"{kernel.parent.name}/{kernel.stem}" for kernel in sorted(kernels)]
    missing += [library for library in ("granian", "pysam") if not find_spec(library)]
    if missing:
        raise CannotServe(
            f"this is an installation of the client alone ({missing[0]} is missing): "
            "install strandkeep[server], with a C compiler at hand"
        )


def _address(host: str) -> str:
    """The IP address of a host, IPv4 if it has one: granian takes no names."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise CannotServe(f"cannot listen on {host}: {fault.strerror}") from fault
    return str(min(found, key=lambda entry: entry[0] != socket.AF_INET)[4][0])


def _take_port(address: str, port: int) -> tuple[int, socket.socket]:
    """The port, once it is known that nobody listens on it, and what keeps other servers of ours off it until closed.

    granian listens so that two servers can share a port without noticing (SO_REUSEPORT), and only after some time.
    """
    if not 0 <= port <= _LAST_PORT:
        raise CannotServe(f"--port is {port}; it must be 0 to {_LAST_PORT}")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    guard = socket.socket(socket.AF_UNIX)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            taken = int(probe.getsockname()[1])
            guard.bind(f"\0strandkeep {address} {taken}")
        except OSError as fault:
            guard.close()
            raise CannotServe(f"cannot listen on {address} port {port}: {fault.strerror}") from fault
    return taken, guard

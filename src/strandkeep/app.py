"""The composition root: settings → catalog, blobs, jobs → operations → http. The only file that knows all."""

import asyncio
import ctypes
import gc
import logging
import logging.config
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from strandkeep import kill_points, logs, metrics
from strandkeep.access.audit import Audit
from strandkeep.access.first_start import open_installation
from strandkeep.access.keys import KeyRing
from strandkeep.access.sealing import SealError, open_sealer
from strandkeep.blobs import LocalBlobs, OutOfSpace
from strandkeep.catalog import accounts, jobs, open_catalog, sqlite_url
from strandkeep.domain import states, times
from strandkeep.domain.rates import rates_in_force
from strandkeep.folder import DataFolder, FolderInUse
from strandkeep.house import House
from strandkeep.http.authentication import Authenticator
from strandkeep.http.dispatch import Dispatcher
from strandkeep.http.edge import Check, Edge, Scrape
from strandkeep.http.throttle import Throttle
from strandkeep.jobs.engine import JobEngine
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.kinds import KINDS, queues
from strandkeep.jobs.running import run_job
from strandkeep.jobs.sweep import Sweeper
from strandkeep.jobs.verify_schedule import VerifySchedule
from strandkeep.protocol.service import load_service
from strandkeep.settings import Settings, SettingsError, load_settings

_log = logging.getLogger(__name__)

#: glibc's M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
_MALLOPT = {-8: 2, -3: 32 << 20, -1: 32 << 20}

#: Seconds that what was stopped has to end by itself.
_LEAVE_S = 2.0


class CannotStart(Exception):
    """Why this installation cannot be served from, in words for the person who started the server."""


@dataclass(frozen=True)
class ServeOptions:
    """What `strandkeep serve` was asked for; `parent` is the process that started it."""

    data_dir: Path
    url: str
    parent: int


def load_edge(options: ServeOptions) -> Edge:
    """The ASGI application, in the process that serves: it holds the data folder.

    CannotStart when the folder, a setting, the key or the database is not as it must be.
    """
    _keep_freed_memory()
    folder = DataFolder(options.data_dir)
    try:
        settings = load_settings(folder.path)
        logging.config.dictConfig(logs.configuration(settings.log_format, settings.log_level))
        folder.hold({"pid": options.parent, "url": options.url})
        kill_points.arm(settings.kill_point, options.parent)
        server = Server(settings)
    except (FolderInUse, SettingsError, SealError, OSError, ValueError) as reason:
        raise CannotStart(str(reason)) from reason
    except SQLAlchemyError as fault:
        raise CannotStart(f"the catalog cannot be opened: {getattr(fault, 'orig', None) or fault}") from fault

    async def start() -> tuple[Dispatcher, Check, Scrape]:
        # The parent passes Ctrl-C on as SIGTERM; told twice while it starts, granian hangs.
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # DBOS may not be launched on a running loop.
        await asyncio.to_thread(server.start)
        threading.Thread(target=_tell_when_ready, args=(options, folder), name="ready", daemon=True).start()
        return server.dispatcher, server.check, server.scrape if settings.metrics == "on" else None

    return Edge(start, server.stop)


class Server:
    """The parts of one running server, in the order in which they depend on each other."""

    def __init__(self, settings: Settings) -> None:
        data, service = settings.data_dir, load_service()
        throttle = Throttle(rates_in_force(settings.profile, settings.rates, service.operations))
        self.catalog = open_catalog(settings.database_url or sqlite_url(data / "catalog.sqlite"))
        sealer = open_sealer(data / "secret.key")
        self.blobs = LocalBlobs(data, settings.min_free)
        installation, paging_key = open_installation(self.catalog, sealer, settings, self._holds_bytes)
        self.audit = Audit(self.catalog)
        self.house = House(installation, settings, self.catalog, self.blobs, paging_key, lambda: self.engine.wake())
        # Made now, so that a secret which cannot be read is told before anything is served.
        self.buckets = self.house.buckets
        self.engine = JobEngine(
            self.catalog,
            settings.database_url or sqlite_url(data / "jobs.sqlite"),
            queues(settings),
            lambda work_id: run_job(self.house, KINDS, tell_read_set, work_id),
        )
        self.sweeper = Sweeper(self.house)
        self.verify_schedule = VerifySchedule(self.house)
        keys = KeyRing(self.catalog, sealer)
        self.dispatcher = Dispatcher(self.house, service, Authenticator(keys), throttle, self.audit)

    def start(self) -> None:
        """Begin to run jobs, to sweep, and to verify when it is due."""
        self.engine.start()
        self.sweeper.start()
        self.verify_schedule.start()
        # What was made so far stays: the collector need not walk over it again and again.
        gc.collect()
        gc.freeze()

    async def stop(self) -> None:
        """End everything; what was acknowledged is durable already."""
        try:
            await self.audit.flush()
        finally:
            await asyncio.to_thread(self._stop_parts)
            threading.Thread(target=_leave, name="leave", daemon=True).start()

    async def check(self) -> Mapping[str, str]:
        """What keeps requests from being served: part → reason. Empty when all is well."""
        problems: dict[str, str] = {}
        try:
            await self.catalog.read_async(accounts.installation)
        except Exception as fault:
            _log.exception("the catalog cannot be read")
            problems["database"] = type(fault).__name__
        try:
            self.blobs.check_room(0)
        except OutOfSpace as full:
            problems["disk"] = str(full)
        except OSError as fault:
            problems["blobs"] = fault.strerror or type(fault).__name__
        return problems

    async def scrape(self) -> bytes:
        """The metrics, those that are only looked up when asked for included."""
        metrics.AUDIT_WAITING.set(self.audit.waiting)
        return await asyncio.to_thread(self._scrape)

    def _scrape(self) -> bytes:
        metrics.FREE.set(self.blobs.free())
        waiting = self.catalog.read(jobs.unended)
        for state in states.UNENDED_JOBS:
            metrics.JOBS_UNFINISHED.labels(state).set(waiting.get(state, (0, 0))[0])
        oldest = waiting.get(states.SUBMITTED)
        metrics.OLDEST_WAITING.set(max(0.0, time.time() - oldest[1] / times.SECOND) if oldest else 0)
        return metrics.exposition()

    def _holds_bytes(self) -> bool:
        return next(self.blobs.orphans(0), None) is not None

    def _stop_parts(self) -> None:
        self.house.stopping.set()
        self.sweeper.stop()
        self.verify_schedule.stop()
        self.engine.stop()
        self.catalog.close()
        self.blobs.close()


def _leave() -> None:
    """End the process though a job may wait for a silent bucket: the next start finds it as after a kill."""
    time.sleep(_LEAVE_S)
    os._exit(0)


def _tell_when_ready(options: ServeOptions, folder: DataFolder) -> None:
    """Print the one line once clients can connect: granian begins to listen only after the application has started."""
    url = urlsplit(options.url)
    while True:
        try:
            socket.create_connection((url.hostname or "", url.port or 0), timeout=1).close()
            break
        except OSError:
            time.sleep(0.01)
    print(f"strandkeep serves {options.url} (pid {options.parent}, data in {folder.path})", flush=True)  # noqa: T201


def _keep_freed_memory() -> None:
    """Let malloc keep some of what is freed: bodies come and go in large pieces, and faulting their pages in anew
    costs more than hashing them. Two arenas bound what is kept. Other allocators than glibc's are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _MALLOPT.items():
            mallopt(parameter, value)

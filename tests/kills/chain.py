"""One data folder through many kills, by restarts on one port."""

from pathlib import Path
from typing import Any

from tests.kills.bytes_check import Fetched, Finding, Keeping
from tests.kills.check import findings
from tests.kills.client import ACCOUNT, BUCKET, Client
from tests.kills.model import Model
from tests.server import RunningServer, lasting_port, launch

#: So that what may go is gone at once. Deleted things stay for an hour instead where they are to be brought back.
_SWEEPS = {"min_free": "0", "orphan_grace_s": "0", "sweep_interval_s": "1"}


class Chain:
    """A server that is started again and again, a client of it, and the model of what it was asked for."""

    def __init__(self, data_dir: Path, *, purges: bool = True, **settings: str) -> None:
        self.model = Model(purges)
        self._data_dir = data_dir
        self._port = lasting_port()
        self._settings = {**_SWEEPS, "account": ACCOUNT, "delete_after_s": "0" if purges else "3600", **settings}
        self._server: RunningServer | None = None
        self._client: Client | None = None
        self._fetched: list[Fetched] = []

    @property
    def folder(self) -> Path:
        """The folder that imports read from."""
        return self._data_dir.parent / BUCKET

    def map_folder(self) -> None:
        """Let the starts that follow know the folder."""
        for folder in (self._data_dir, self.folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        (self._data_dir / "strandkeep.toml").write_text(f"[buckets.{BUCKET}]\nurl = 'file://{self.folder}'\n")

    @property
    def server(self) -> RunningServer:
        """The server that was started last."""
        assert self._server
        return self._server

    @property
    def client(self) -> Client:
        """The client, which goes on over all restarts."""
        assert self._client
        return self._client

    def place(self, **settings: str) -> dict[str, Any]:
        """What `launch` and `begin` take for the next start."""
        return {"data_dir": self._data_dir, "port": self._port, **self._settings, **settings}

    def start(self, **settings: str) -> None:
        """Start, with some settings otherwise."""
        self.stop()
        self._fetched = self._keeping.fetched() if self._server else []
        known = self._server.environment if self._server else None
        self._server = launch(known=known, **self.place(**settings))
        self._client = self._client or Client(self._server, self.model)

    def findings(self) -> list[Finding]:
        """What is wrong with what the last kill left."""
        return findings(self.client, self._keeping, self._fetched)

    @property
    def _keeping(self) -> Keeping:
        return Keeping(self._data_dir, self._settings.get("database_url", ""))

    def stop(self) -> None:
        """Kill the server, if it runs."""
        if self._server is not None and self._server.process.poll() is None:
            self._server.kill()

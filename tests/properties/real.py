"""The real operations on a real database and a real folder, which can be closed, killed and opened again."""

import asyncio
import dataclasses
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from strandkeep.blobs import LocalBlobs
from strandkeep.catalog import Catalog, Reader, Transaction, tables
from tests.operations.conftest import Api, new_account, open_house, root_of
from tests.properties.actions import Action, Call
from tests.properties.answers import Names

#: What is kept when everything else is emptied.
FIXED = {"installation", "account", "access_key", "alembic_version"}


class Killed(BaseException):
    """The process is gone: no handler runs."""


@dataclass
class DyingCatalog:
    """A catalog whose process dies at its last transaction: before the COMMIT, or after it and before the answer."""

    catalog: Catalog
    transactions: int
    committed: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.catalog, name)

    def write(self, work: Callable[[Transaction], Any]) -> Any:
        self.transactions -= 1
        if self.transactions > 0:
            return self.catalog.write(work)

        def dying(tx: Transaction) -> None:
            work(tx)
            if not self.committed:
                raise Killed

        if self.transactions == 0:
            self.catalog.write(dying)
        raise Killed

    async def write_async(self, work: Callable[[Transaction], Any]) -> Any:
        return await asyncio.to_thread(self.write, work)

    def read(self, work: Callable[[Reader], Any]) -> Any:
        if self.transactions <= 0:
            raise Killed
        return self.catalog.read(work)


class Real:
    """One installation with two accounts."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self._runner = asyncio.Runner()
        self._opened = 0
        house = open_house(url, folder, LocalBlobs(folder, 0))
        self.apis = {"root": root_of(house), "other": new_account(house)}

    @property
    def root(self) -> Api:
        """The first account, and what belongs to all."""
        return self.apis["root"]

    def configure(self, **settings: Any) -> None:
        """Go on with other settings."""
        house = self.root.house
        self._move_to(dataclasses.replace(house, settings=dataclasses.replace(house.settings, **settings)))

    def stamp(self) -> int:
        """The time, after all that has happened so far and before all that will."""
        return self.root.house.catalog.clock.stamp()

    def run(self, actions: Sequence[Action], names: Names) -> list[Any]:
        """The outcomes of actions that are done all at once."""

        async def at_once() -> list[Any]:
            return await asyncio.gather(*(action.on_real(self.apis, names) for action in actions))

        return self._runner.run(at_once())

    def run_during(self, part: Call, other: Action, names: Names) -> list[Any]:
        """The outcomes of a part and of what is done while one half of it has come; or after it was refused."""
        outcomes: list[Any] = []

        async def do_other() -> None:
            if not outcomes:
                outcomes.append(await other.on_real(self.apis, names))

        async def both() -> list[Any]:
            own = await dataclasses.replace(part, pause=do_other).on_real(self.apis, names)
            await do_other()
            return [own, *outcomes]

        return self._runner.run(both())

    def run_in_turn(self, actions: Iterable[Action], names: Names, look: Callable[[Action, Any], None]) -> None:
        """Do actions one after the other, and look at the outcome of each before the next."""

        async def in_turn() -> None:
            for action in actions:
                look(action, await action.on_real(self.apis, names))

        self._runner.run(in_turn())

    def run_until_killed(self, action: Action, names: Names, transactions: int, committed: bool) -> None:
        """Begin an action that is killed at one of its transactions, if it has so many; and start again."""
        house = self.root.house
        self._move_to(dataclasses.replace(house, catalog=DyingCatalog(house.catalog, transactions, committed)))
        try:
            self.run([action], names)
        except Killed:
            pass
        finally:
            self._move_to(house)
        self.open_again(kill=True)

    def open_again(self, *, kill: bool) -> None:
        """Close all and open it again; killed, on what the disk or the database's server has at this moment."""
        old = self.root.house
        if kill:
            self._kill()
        old.catalog.close()
        old.blobs.close()
        house = open_house(self.url, self.folder, LocalBlobs(self.folder, 0))
        house.catalog.clock.move(old.catalog.clock.moved)
        self._move_to(dataclasses.replace(house, settings=old.settings))

    def empty(self) -> None:
        """Remove all but the accounts."""

        def remove(tx: Transaction) -> None:
            for table in reversed(tables.metadata.sorted_tables):
                if table.name not in FIXED:
                    tx.run(sa.delete(table))

        self.root.house.catalog.write(remove)
        for names in self.root.house.blobs.orphans(0):
            for name in names:
                self.root.house.blobs.remove(name)
        for path in (self.folder / "manifests").iterdir():
            path.unlink()

    def close(self) -> None:
        """Let go of everything."""
        self.root.house.catalog.close()
        self.root.house.blobs.close()
        self._runner.close()

    def live_bytes(self) -> "Counter[bytes]":
        """The bytes of blobs that count; ValueError when some are missing."""
        return Counter(self._content(row.name) for row in self.root.rows(tables.blob, state="live"))

    def stored_bytes(self) -> "Counter[bytes]":
        """All bytes that lie in the folder."""
        return Counter(self._content(name) for names in self.root.house.blobs.orphans(0) for name in names)

    def manifests(self) -> set[str]:
        """The read sets of which there are manifests."""
        return {path.name.split(".")[0] for path in (self.folder / "manifests").iterdir()}

    def overdue(self) -> list[str]:
        """Condemned blobs whose time has come, and whose bytes still lie there."""
        now = self.stamp()
        rows = self.root.rows(tables.blob, state="condemned")
        due = [row.name for row in rows if row.delete_after is None or row.delete_after <= now]
        return [name for name in due if list(self.folder.glob(f"blobs/*/{name}"))]

    def _content(self, name: str) -> bytes:
        (path,) = self.folder.glob(f"blobs/*/{name}")
        return path.read_bytes()

    def _kill(self) -> None:
        """Leave to the next start what a power failure would leave to it."""
        if self.url.startswith("sqlite"):
            self._opened += 1
            path = self.folder / f"catalog-{self._opened}.sqlite"
            now = Path(self.url.removeprefix("sqlite:///"))
            for ending in ("", "-wal"):
                if now.with_name(now.name + ending).exists():
                    shutil.copyfile(now.with_name(now.name + ending), path.with_name(path.name + ending))
            self.url = f"sqlite:///{path}"
            return
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        self.root.house.catalog.read(
            lambda reader: reader.connection.exec_driver_sql(others + "pg_backend_pid()").all()
        )

    def _move_to(self, house: Any) -> None:
        self.apis = {name: dataclasses.replace(api, house=house) for name, api in self.apis.items()}

"""One fault after the other: the first thing that an action asks for fails, then the second, until none is left."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.faults.calls import World
from tests.faults.database import Database
from tests.faults.disk import CALLS

Things = Any


class Action(Protocol):
    """What is done while something fails, on things of its own, and done again when nothing fails any more."""

    def prepare(self, world: World) -> Things:
        """What it takes."""

    def attempt(self, world: World, things: Things) -> Any:
        """Do it; what came of it. It fails only as it may."""

    def again(self, world: World, things: Things, told: Any) -> Any:
        """Do it again; what came of it."""

    def check(self, world: World, things: Things, outcome: Any) -> None:
        """See that it was done, once."""


@dataclass
class Tried:
    """How many places were made to fail, and of how many of these faults the caller was told."""

    positions: int = 0
    told: int = 0


def fail_everywhere(world: World, action: Action, fail: Callable[[int], None], fired: Callable[[], int]) -> Tried:
    """Act with the n-th thing failing (`fail(n)`, 0 for none), for every n that there is.

    Each time the action is done again afterwards; then it was done once, and the store is whole.
    """
    tried = Tried()
    while True:
        things = action.prepare(world)
        fail(tried.positions + 1)
        told = action.attempt(world, things)
        failed = fired()
        fail(0)
        if not failed:
            return tried
        tried.positions += 1
        tried.told += isinstance(told, Exception)
        try:
            action.check(world, things, action.again(world, things, told))
            world.whole.check()
        except BaseException as fault:
            fault.add_note(f"{action}: number {tried.positions} had failed; told then: {told!r}")
            raise


def fail_in_database(world: World, database: Database, action: Action, fault: str) -> Tried:
    """Statements and commits fail, one after the other."""
    return fail_everywhere(world, action, lambda at: database.fail(fault, at), lambda: database.fired)


def fail_on_disk(world: World, action: Action, fault: str, which: tuple[str, ...] = CALLS) -> Tried:
    """Calls of the operating system fail, one after the other."""
    return fail_everywhere(world, action, lambda at: world.disk.fail(fault, at, which=which), lambda: world.disk.fired)

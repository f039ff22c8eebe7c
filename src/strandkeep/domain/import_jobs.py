"""What becomes of a job by what became of its items, and in which order items run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from strandkeep.domain import states


class Waiting(NamedTuple):
    """Work that may run now: the `id` that runs, the `account` that it is for, and since when it may run.

    It is another moment after each pause, and none else: with the id it names one turn of the work.
    """

    id: str
    account: str
    run_after: int


def ending(items: Sequence[str], *, cancelled: bool) -> tuple[str, str | None]:
    """The state in which a job ends whose items have ended in these states, and what it says of itself."""
    failed = items.count(states.FAILED)
    if cancelled:
        return states.CANCELLED, f"The job was cancelled; {len(items) - failed} of {len(items)} sources had finished."
    if not failed:
        return states.COMPLETED, None
    message = f"{failed} of {len(items)} sources failed; each says why."
    return states.FAILED if failed == len(items) else states.COMPLETED_WITH_FAILURES, message


def fair_choice(waiting: Iterable[Waiting], running: Mapping[str, int], room: int, share: int) -> list[Waiting]:
    """Up to `room` of what waits, in its order, but each time for an account for which the least is running.

    No account comes to have more than its `share` running.
    """
    by_account: dict[str, list[Waiting]] = {}
    for work in waiting:
        by_account.setdefault(work.account, []).append(work)
    taken, chosen = Counter(running), list[Waiting]()
    while len(chosen) < room:
        able = [account for account, works in by_account.items() if works and taken[account] < share]
        if not able:
            break
        account = min(able, key=lambda account: taken[account])
        chosen.append(by_account[account].pop(0))
        taken[account] += 1
    return chosen

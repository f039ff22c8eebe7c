"""The model and the real operations side by side, whatever comes, on either database."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, currently_in_test_context, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.databases import DATABASES, new_url
from tests.properties import intents
from tests.properties.actions import SEND_AGAIN, Action, Call, Sweep, everything
from tests.properties.answers import Id, Mismatch, Names
from tests.properties.model import DAY, HOUR, Model
from tests.properties.real import Real
from tests.soak import soak_seeds

#: Unlike the defaults they differ, so that one cannot stand in for the other.
UPLOAD_EXPIRY, DELETE_AFTER = 7 * DAY, 8 * DAY


class Machine(RuleBasedStateMachine):
    """Does one thing after another, or several at once, and compares all that is answered and all that is shown."""

    def __init__(self, real: Real, done: "Counter[str]") -> None:
        super().__init__()
        self.real = real
        self.real.empty()
        self.done = done
        self.done["examples"] += 1
        self.model = Model(upload_expiry=UPLOAD_EXPIRY, delete_after=DELETE_AFTER)
        self.names = Names(real.root.house.installation, since=real.stamp())
        self.sent: list[Call] = []

    # What happens

    @initialize(upload=intents.UPLOAD)
    def begin(self, upload: Any) -> None:
        """A store, a read set if all goes well, and an open upload, so that there is something to speak of."""
        self.do(intents.CreateStore("root", "a", None, {}, None, None), look=False)
        self.whole_upload(upload)
        self.do(intents.CreateUpload(0, "right", "a", None, {"k": "1"}, {}))

    @rule(intent=intents.ABOUT_STORES)
    def store(self, intent: Any) -> None:
        """Something about a store."""
        self.do(intent)

    @rule(intent=intents.ABOUT_UPLOADS)
    def upload(self, intent: Any) -> None:
        """Something about an upload."""
        self.do(intent)

    @rule(upload=intents.UPLOAD)
    def whole_upload(self, upload: Any) -> None:
        """From the creation to a read set, and perhaps its deletion, in one go: on the long way much comes between."""
        *first, last = upload
        for intent in first:
            self.do(intent, look=False)
        self.do(last)

    @rule(intent=intents.ABOUT_READ_SETS)
    def read_set(self, intent: Any) -> None:
        """Something about read sets."""
        self.do(intent)

    @rule(back=st.integers(0, 9))
    def send_again(self, back: int) -> None:
        """The answer of a call was lost, and it is sent again."""
        if self.sent:
            self.act(self.sent[-1 - back % len(self.sent)])

    @rule(parts=intents.FEW_PARTS, met=intents.MEETINGS)
    def at_once(self, parts: list[Any], met: list[Any]) -> None:
        """Calls that meet: what comes of it must come of some order in which they are made one by one."""
        for part in parts:
            self.do(part, look=False)
        self.act(*(intent.action(self.model) for intent in met))

    @rule(part=intents.PUT_PART, met=intents.MEETING)
    def in_flight(self, part: Any, met: Any) -> None:
        """Something happens while a part is on its way."""
        actions = part.action(self.model), met.action(self.model)
        self.act(*actions, run=lambda: self.real.run_during(*actions, self.names))

    @rule(intent=intents.ANY, transaction=st.integers(1, 3), committed=st.booleans())
    def die(self, intent: Any, transaction: int, committed: bool) -> None:
        """The process is killed before or after a transaction: all of the call was done, or nothing."""
        action = intent.action(self.model)
        self.kill(action, transaction, committed)
        self.settle([[], [(action, ...)]])

    @rule(sweep=intents.SWEEP, transaction=st.integers(1, 6), committed=st.booleans())
    def die_in_a_sweep(self, sweep: Any, transaction: int, committed: bool) -> None:
        """The process is killed somewhere in a sweep: the next one does the rest."""
        self.kill(sweep.action(self.model), transaction, committed)
        self.do(sweep)

    @rule(waits=intents.WAITS, part=intents.PUT_PART, sweep=st.none() | intents.SWEEP)
    def pass_time(self, waits: list[int], part: Any, sweep: Any) -> None:
        """Time passes, perhaps with a part that comes before it goes on; then a sweep may come."""
        for number, hours in enumerate(waits):
            if number:
                self.do(part)
            self.model.pass_time(hours * HOUR)
            self.real.root.house.catalog.clock.move(hours * HOUR)
        if sweep is not None:
            self.do(sweep)

    @rule(kill=st.booleans())
    def start_again(self, kill: bool) -> None:
        """The server ends, in peace or not, and starts again."""
        self.real.open_again(kill=kill)
        self.compare(self.model, self.names)

    # How it is compared

    def do(self, intent: Any, *, look: bool = True) -> None:
        """Make an intent true."""
        self.act(intent.action(self.model), look=look)

    def act(self, *actions: Action, run: Callable[[], list[Any]] | None = None, look: bool = True) -> None:
        """Do actions, at once when they are several, and find an order in which the model does the same.

        `look`: also at all that is shown.
        """
        if currently_in_test_context():
            note("   ".join(map(str, actions)))
        self.sent += [action for action in actions if isinstance(action, Call) and action not in self.sent]
        sweeps = [action for action in actions if isinstance(action, Sweep)]
        self.done["actions"] += len(actions)
        outcomes = run() if run else self.real.run(actions, self.names)
        # What somebody works on is left to the next sweep.
        afterwards = [(sweep, outcome) for sweep in sweeps for outcome in self.real.run([sweep], self.names)]
        assert sweeps or SEND_AGAIN not in outcomes
        done = [pair for pair in zip(actions, outcomes, strict=True) if pair[1] != SEND_AGAIN]
        self.settle(([*order, *afterwards] for order in permutations(done)), look=look)
        for sweep in sweeps:
            self.compare_bytes(grace=sweep.grace)

    def kill(self, action: Action, transaction: int, committed: bool) -> None:
        """Do an action that is killed."""
        note(f"{action} killed at transaction {transaction}, committed: {committed}")
        self.done["kills"] += 1
        self.real.run_until_killed(action, self.names, transaction, committed)

    def settle(self, orders: Iterable[Any], *, look: bool = True) -> None:
        """Go on with the first order of actions and outcomes that explains what there is now."""
        faults = []
        self.names.until = self.real.stamp()
        for order in orders:
            model, names = self.model.copy(), self.names.copy()
            try:
                for action, outcome in order:
                    expected = action.on_model(model)
                    if outcome is not ...:
                        names.match(expected, outcome)
                if look:
                    self.compare(model, names)
            except Mismatch as fault:
                faults.append(fault)
            else:
                self.model, self.names = model, names
                return
        raise Mismatch("\n".join(map(str, faults)))

    def compare(self, model: Model, names: Names) -> None:
        """Compare all that lists and gets show."""

        def look(call: Action, shown: Any) -> None:
            self.done["looks"] += 1
            names.match(call.on_model(model), shown, f"{call}")

        self.real.run_in_turn(everything(model), names, look)
        if self.real.live_bytes() != model.live_bytes():
            raise Mismatch("other bytes count than the model knows of")
        # What is shown for the first time from here on was made from here on.
        names.since = names.until

    def compare_bytes(self, *, grace: bool) -> None:
        """After a sweep nothing else lies in the folder than what counts, and what may still be brought back.

        Every read set that was whole once has its manifest, and none that was purged.
        """
        stored = self.real.stored_bytes()
        expected = self.model.live_bytes() + self.model.condemned_bytes()
        assert expected <= stored
        assert grace or stored == expected
        assert self.real.overdue() == []
        there = {known for thing, known in self.names.known.items() if thing in self.model.read_sets}
        whole = {self.names.known[r.id] for r in self.model.read_sets.values() if r.facts}
        assert whole <= self.real.manifests() <= there

    def teardown(self) -> None:
        """Every state that a thing had is in its events, one after the other."""
        for thing, known in self.names.known.items():
            if isinstance(thing, Id):
                moves = self.real.root.events(known)
                assert moves[0][0] is None
                assert all(before == after for (_, after), (before, _) in pairwise(moves))


@pytest.fixture(scope="module")
def few_folders() -> Iterator[None]:
    """Bytes in 16 folders: to look through 4,096 takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("strandkeep.blobs.local._SHARD_DIGITS", 1)
        yield


@pytest.fixture(scope="module", params=DATABASES)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, few_folders: None) -> Iterator[Real]:
    """An installation that examples use one after the other."""
    folder = tmp_path_factory.mktemp("machine")
    real = Real(new_url(request, request.param, folder), folder)
    real.configure(upload_expiry_s=UPLOAD_EXPIRY // 1_000_000, delete_after_s=DELETE_AFTER // 1_000_000)
    yield real
    real.close()


def run_machine(real: Real, done: "Counter[str]", number: int | None = None, **more: Any) -> None:
    """Run the machine by a seed, or always in the same way."""

    def machine() -> Machine:
        return Machine(real, done)

    if number is not None:
        seed(number)(machine)
    slow = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True, "database": None}
    run_state_machine_as_test(machine, settings=settings(derandomize=number is None, **slow, **more))


def test_the_real_operations_do_what_the_model_says(real):
    done: Counter[str] = Counter()
    run_machine(real, done, max_examples=10, stateful_step_count=20)
    assert done["looks"] > 1000


def an_upload_that_parts_keep_open(machine: Machine) -> None:
    machine.pass_time([7 * 24 - 1, 7 * 24 - 1], PART, intents.SweepNow(False))


def a_read_set_that_was_brought_back_stays(machine: Machine) -> None:
    machine.whole_upload([PART, COMPLETE, intents.Ingest(0, "ends"), intents.DELETE, intents.UNDELETE])
    machine.pass_time([8 * 24], None, intents.SweepNow(False))


def a_store_with_an_open_upload_stays(machine: Machine) -> None:
    machine.whole_upload([PART, intents.DeleteStore(0, "right")])


PART = intents.PutPart(0, "right", "SOURCE1", 1, "two reads")
COMPLETE = intents.Complete(0, "right", "all")
STORIES = [an_upload_that_parts_keep_open, a_read_set_that_was_brought_back_stays, a_store_with_an_open_upload_stays]


@pytest.mark.parametrize("story", STORIES)
def test_stories_that_need_several_things_in_the_right_order(real, story):
    machine = Machine(real, Counter())
    machine.do(intents.CreateStore("root", "a", None, {}, None, None))
    machine.do(intents.CreateUpload(0, "right", "a", None, {}, {}))
    story(machine)
    machine.teardown()


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_the_real_operations_do_what_the_model_says_for_long(real, soak_report):
    for number in soak_seeds("1-8"):
        done: Counter[str] = Counter()
        try:
            run_machine(real, done, number, max_examples=40, stateful_step_count=60)
        finally:
            soak_report.add("model and real operations side by side", number, **done)

"""Answers of the model, in which names stand for what only the real store can know: ids, ARNs, times and wording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strandkeep.domain.times import to_microseconds


@dataclass(frozen=True)
class Id:
    """The id of a thing that the model made."""

    kind: str
    number: int


@dataclass(frozen=True)
class Arn:
    """The ARN of a store, or of a read set in it."""

    store: Any
    read_set: Any = None


@dataclass(frozen=True, order=True)
class Moment:
    """A time: microseconds by the model's clock."""

    at: int


@dataclass(frozen=True)
class Refused:
    """What a call answers that is refused: the code of its error."""

    code: str


@dataclass(frozen=True)
class Text:
    """Some sentence for people."""


TEXT = Text()


class Mismatch(AssertionError):
    """The real answer is not the one that the model gives."""


@dataclass
class Names:
    """What the real store calls the model's things. One id or time is one everywhere, and no two ids are the same."""

    installation: Any
    known: dict[Any, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    #: The real times, in microseconds, between which what is new was made.
    since: int = 0
    until: int = 0

    def copy(self) -> "Names":
        """Names to try out: what is learned stays with the copy."""
        return Names(self.installation, dict(self.known), set(self.used), self.since, self.until)

    def real(self, value: Any) -> Any:
        """A value of the model as the real store has it."""
        if isinstance(value, Mapping):
            return {name: self.real(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.real(member) for member in value]
        if isinstance(value, Arn):
            return self._arn(value)
        if isinstance(value, Id | Moment):
            if value not in self.known:
                raise Mismatch(f"{value} was never shown")
            return self.known[value]
        return value

    def match(self, expected: Any, got: Any, where: str = "answer") -> None:
        """Mismatch unless `got` is `expected`; what a new name stands for is learned."""
        if isinstance(expected, Mapping) and isinstance(got, Mapping):
            if expected.keys() != got.keys():
                raise Mismatch(f"{where}: {sorted(expected)} expected, got {sorted(got)}: {got}")
            for name, member in expected.items():
                self.match(member, got[name], f"{where}.{name}")
        elif isinstance(expected, list) and isinstance(got, list):
            if len(expected) != len(got):
                raise Mismatch(f"{where}: {len(expected)} expected, got {len(got)}: {expected} and {got}")
            for number, (member, real) in enumerate(zip(expected, got, strict=True)):
                self.match(member, real, f"{where}[{number}]")
        elif not self._same(expected, got):
            known = f" (known as {self.known[expected]})" if isinstance(expected, Id | Moment) else ""
            raise Mismatch(f"{where}: {expected!r}{known} expected, got {got!r}")

    def _same(self, expected: Any, got: Any) -> bool:
        if expected == TEXT:
            return isinstance(got, str) and 0 < len(got) <= 255
        if isinstance(expected, Arn):
            return bool(got == self._arn(expected))
        if isinstance(expected, Id | Moment) and expected not in self.known:
            return self._learn(expected, got)
        return bool(self.real(expected) == got)

    def _learn(self, name: Id | Moment, got: Any) -> bool:
        if isinstance(name, Moment):
            fits = self.since < to_microseconds(got) < self.until
        else:
            fits = got not in self.used
            self.used.add(got)
        self.known[name] = got
        return fits

    def _arn(self, arn: Arn) -> str:
        store = self.real(arn.store)
        if arn.read_set is None:
            return str(self.installation.sequence_store_arn(store))
        return str(self.installation.read_set_arn(store, self.real(arn.read_set)))

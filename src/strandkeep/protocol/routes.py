"""Which operation a method and a raw path name."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strandkeep.errors import UnknownOperationException
from strandkeep.protocol.operation import Operation
from strandkeep.protocol.percent import decode
from strandkeep.protocol.problems import Invalid, shown


class _Route(NamedTuple):
    operation: Operation
    labels: list[tuple[int, str]]  # place in the path, name


_Fixed = tuple[tuple[int, str], ...]  # the fixed segments of a path, each with its place
_Places = tuple[int, ...]


class Routes:
    """The operations by path. The query and the Host play no part in it.

    A path is split at its slashes before it is decoded, so that an encoded slash belongs to its label. A
    label that is an ARN may also come undecoded, slashes and all: it takes the rest of the path.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_length: dict[int, dict[_Places, dict[_Fixed, dict[str, _Route]]]] = {}
        self._lengths_with_tail: dict[str, int] = {}
        for operation in operations:
            self._add(operation)

    def find(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its decoded labels.

        Raises UnknownOperationException when no operation has this path, or none has it with this
        method, and ValidationException when a segment is not percent-encoded UTF-8.
        """
        segments = self._segments(raw_path)
        allowed: set[str] = set()
        for routes in self._matches(segments):
            if method in routes:
                operation, labels = routes[method]
                return operation, {name: segments[place] for place, name in labels}
            allowed.update(routes)
        if allowed:
            methods = ", ".join(sorted(allowed))
            raise UnknownOperationException(f"{shown(raw_path)} takes {methods}, not {shown(method)}.")
        raise UnknownOperationException(f"No operation is at {shown(method)} {shown(raw_path)}.")

    def _add(self, operation: Operation) -> None:
        template = operation.path.split("/")
        fixed = tuple((place, text) for place, text in enumerate(template) if not text.startswith("{"))
        labels = [(place, text.strip("{}")) for place, text in enumerate(template) if text.startswith("{")]
        places = tuple(place for place, _ in fixed)
        by_places = self._by_length.setdefault(len(template), {})
        by_places.setdefault(places, {}).setdefault(fixed, {})[operation.method] = _Route(operation, labels)
        if operation.ends_in_arn:
            self._lengths_with_tail[template[1]] = len(template)

    def _segments(self, raw_path: str) -> list[str]:
        try:
            segments = [decode(segment) for segment in raw_path.split("/")]
        except Invalid as invalid:
            raise Invalid(list(invalid.below("path"))).error() from None
        length = self._lengths_with_tail.get(segments[1]) if len(segments) > 1 else None
        if length is not None and len(segments) > length:
            segments[length - 1 :] = ["/".join(segments[length - 1 :])]
        return segments

    def _matches(self, segments: list[str]) -> Iterator[dict[str, _Route]]:
        for places, by_fixed in self._by_length.get(len(segments), {}).items():
            routes = by_fixed.get(tuple((place, segments[place]) for place in places))
            if routes is not None:
                yield routes

"""Every limit of the service model broken once, for every storage operation: requests ready to be sent."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

from strandkeep.protocol.contract import is_stream, served_operations
from tests.protocol.samples import example, pattern_of, string_of

ABSENT: Any = object()
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class BrokenCase:
    """A request that is valid but for one member."""

    operation: str
    member: str
    """As the message must name it, such as `sources[0].name` or `tags.key`."""
    reason: str
    method: str
    target: str
    """The raw path with the query."""
    headers: dict[str, str]
    body: bytes
    params: dict[str, Any] = field(repr=False)
    """Every member, the broken one included, before they were put into target, headers and body."""

    @property
    def id(self) -> str:
        """`CreateSequenceStore-name-too long`"""
        return f"{self.operation}-{self.member}-{self.reason}"


class _Break(NamedTuple):
    at: Path
    member: str
    reason: str
    value: Any


def broken_requests() -> Iterator[BrokenCase]:
    """Each limit below each operation's input, broken alone; the answer to each is a ValidationException."""
    for operation in served_operations():
        for break_ in _breaks(operation.input_shape, (), ""):
            yield _case(operation, break_)


def valid_request(operation: OperationModel) -> BrokenCase:
    """The request that the broken ones are made of: every member given, none broken."""
    params = example(operation.input_shape)
    return BrokenCase(operation.name, "", "valid", operation.http["method"], *_wire(operation, params), params)


def _case(operation: OperationModel, break_: _Break) -> BrokenCase:
    params = copy.deepcopy(example(operation.input_shape))
    _put(params, break_)
    parts = _wire(operation, params)
    return BrokenCase(operation.name, break_.member, break_.reason, operation.http["method"], *parts, params=params)


def _put(params: Any, break_: _Break) -> None:
    *holders, last = break_.at
    for step in holders:
        params = params[step]
    if break_.value is ABSENT:
        del params[last]
    else:
        params[last] = break_.value


def _breaks(shape: Shape, at: Path, member: str, text: bool = False) -> Iterator[_Break]:
    """The breaks of a value and of all below it; `text` when it travels outside the body, as text."""
    if at and not is_stream(shape):
        for reason, value in _wrong_values(shape, text):
            yield _Break(at, member, reason, value)
    if isinstance(shape, StructureShape):
        for name, child in shape.members.items():
            path = f"{member}.{name}" if member else name
            if name in shape.required_members and not _is_label(child) and not is_stream(child):
                yield _Break((*at, name), path, "missing", ABSENT)
            yield from _breaks(child, (*at, name), path, text="location" in child.serialization)
    elif isinstance(shape, ListShape):
        yield from _breaks(shape.member, (*at, 0), f"{member}[0]", text)
    elif isinstance(shape, MapShape):
        for reason, key in _wrong_values(shape.key, text):
            if isinstance(key, str):
                yield _Break(at, f"{member}.key", f"key {reason}", {key: "value"})
        key = example(shape.key)
        for reason, value in _wrong_values(shape.value, text):
            yield _Break(at, f"{member}[", f"value {reason}", {key: value})


def _wrong_values(shape: Shape, text: bool) -> Iterator[tuple[str, Any]]:
    if isinstance(shape, StringShape):
        yield from _wrong_strings(shape, text)
    elif isinstance(shape, ListShape):
        yield from _wrong_sizes(shape, text, lambda size: [example(shape.member)] * size)
    elif isinstance(shape, MapShape):
        yield from _wrong_sizes(shape, text, lambda size: {f"key{i}": "v" for i in range(size)})
    elif shape.type_name in ("integer", "long"):
        yield from _wrong_integers(shape, text)
    elif shape.type_name == "timestamp":
        yield from (("no time", "yesterday"), ("out of range", 10**15), ("no zone", "2026-01-02T03:04:05"))
    if not text:
        yield "wrong type", [] if isinstance(shape, StructureShape | MapShape) else {}


def _wrong_strings(shape: StringShape, text: bool) -> Iterator[tuple[str, str | int]]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if shape.enum:
        yield "not in the enum", "BOGUS"
    if least > 0 and not (least == 1 and _is_label(shape)):
        yield "too short", string_of(shape, least - 1)
    if most is not None:
        yield "too long", string_of(shape, most + 1)
    if pattern_of(shape) and shape.name != "Range":
        yield "not of the pattern", "\t" * max(least, 1)
    if not text:
        yield "a number", 7
        yield "half a surrogate pair", "\ud800" * max(least, 1)


def _wrong_integers(shape: Shape, text: bool) -> Iterator[tuple[str, Any]]:
    yield "too small", shape.metadata["min"] - 1
    yield "too large", shape.metadata["max"] + 1
    yield "beyond 64 bits", 2**63
    yield "a word", "seven"
    yield "a fraction", 1.5
    if not text:
        yield "a boolean", True


def _wrong_sizes(shape: Shape, text: bool, of_size: Callable[[int], Any]) -> Iterator[tuple[str, Any]]:
    if shape.metadata.get("min", 0) > 0 and not text:
        yield "too few", of_size(shape.metadata["min"] - 1)
    if "max" in shape.metadata:
        yield "too many", of_size(shape.metadata["max"] + 1)


def _is_label(shape: Shape) -> bool:
    return bool(shape.serialization.get("location") == "uri")


def _wire(operation: OperationModel, params: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    """Target, headers and body; a small serialiser of our own, since botocore's refuses to send much of this."""
    path, query, document = operation.http["requestUri"], [], {}
    headers: dict[str, str] = {}
    body = b""
    for name, value in params.items():
        shape = operation.input_shape.members[name]
        location, key = shape.serialization.get("location"), shape.serialization.get("name", name)
        if location == "uri":
            path = path.replace(f"{{{key}}}", quote(str(value), safe=""))
        elif location == "querystring":
            for each in value if isinstance(value, list) else [value]:
                query.append(f"{key}={quote(str(each), safe='')}")
        elif location == "header":
            headers[key.lower()] = str(value)
        elif is_stream(shape):
            body = value
        else:
            document[key] = value
    if document:
        body = json.dumps(document, default=datetime.isoformat).encode()
        headers["content-type"] = "application/json"
    return (f"{path}?{'&'.join(query)}" if query else path), headers, body

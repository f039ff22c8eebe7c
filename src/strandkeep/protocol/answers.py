"""From what an operation answers to the JSON of the wire, compiled from the output shapes.

An answer that the model does not describe is a bug of ours: it raises TypeError or ValueError, and is
never sent. Required members are not asked for, since AWS itself leaves some of them out.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from strandkeep.protocol.contract import is_stream
from strandkeep.protocol.timestamps import write_timestamp

Writer = Callable[[Any], Any]
"""Takes a value of an answer and returns it as json.dumps takes it."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
_TYPES: dict[str, type] = {"string": str, "integer": int, "long": int, "double": float}


def compile_answer(shape: StructureShape | None) -> Callable[[Mapping[str, Any]], bytes]:
    """The function from an answer to a JSON body in UTF-8; a streaming payload is no part of it."""
    write = _structure_writer(shape) if shape is not None else dict
    return lambda answer: _JSON.encode(write(answer)).encode()


def _writer(shape: Shape) -> Writer:
    if isinstance(shape, StructureShape):
        return _structure_writer(shape)
    if isinstance(shape, ListShape):
        return _list_writer(shape)
    if isinstance(shape, MapShape):
        return _map_writer(shape)
    if isinstance(shape, StringShape) and shape.enum:
        return _enum_writer(shape)
    if shape.type_name == "timestamp":
        return write_timestamp
    return _scalar_writer(shape)


def _structure_writer(shape: StructureShape) -> Writer:
    if any("location" in member.serialization for member in shape.members.values()):
        raise NotImplementedError(f"{shape.name} has members outside its body")
    writers = {name: _writer(member) for name, member in shape.members.items() if not is_stream(member)}
    name_of_shape = shape.name

    def write(answer: Mapping[str, Any]) -> dict[str, Any]:
        written = {}
        for name, value in answer.items():
            write_member = writers.get(name)
            if write_member is None:
                raise TypeError(f"{name_of_shape} has no member {name!r}")
            if value is not None:
                written[name] = write_member(value)
        return written

    return write


def _list_writer(shape: ListShape) -> Writer:
    write_item, name = _writer(shape.member), shape.name

    def write(items: Any) -> list[Any]:
        if not isinstance(items, list | tuple):
            raise TypeError(f"{name} is a list, not {items!r}")
        return [write_item(item) for item in items]

    return write


def _map_writer(shape: MapShape) -> Writer:
    write_key, write_entry = _writer(shape.key), _writer(shape.value)
    return lambda entries: {write_key(key): write_entry(entry) for key, entry in entries.items()}


def _enum_writer(shape: StringShape) -> Writer:
    known, name = frozenset(shape.enum), shape.name

    def write(value: Any) -> Any:
        if value not in known:
            raise ValueError(f"{name} has no {value!r}")
        return value

    return write


def _scalar_writer(shape: Shape) -> Writer:
    wanted, name = _TYPES[shape.type_name], shape.name

    def write(value: Any) -> Any:
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"{name} is of type {wanted.__name__}, not {value!r}")
        return value

    return write

"""From the parts of an HTTP request to one dict of members, checked."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from botocore.model import ListShape, Shape, StructureShape

from strandkeep.protocol.checks import compile_check, structure_check
from strandkeep.protocol.contract import has_stream, is_stream, members_of
from strandkeep.protocol.percent import read_query
from strandkeep.protocol.problems import Invalid, shown
from strandkeep.protocol.scalars import Check, read_integer

_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": read_integer,
    "long": read_integer,
    "timestamp": str,
}


class RequestReader:
    """Where each member of one operation's input comes from, and its check."""

    def __init__(self, shape: StructureShape | None) -> None:
        sources: dict[str, list[tuple[str, str]]] = {"uri": [], "querystring": [], "header": [], "body": []}
        members = []
        required = frozenset(shape.required_members if shape is not None else ())
        for name, member in members_of(shape).items():
            if is_stream(member):
                continue
            location = member.serialization.get("location", "body")
            key = member.serialization.get("name", name)
            sources[location].append((name, key.lower() if location == "header" else key))
            members.append((name, name in required, _check(member, location)))
        self._labels, self._query = sources["uri"], sources["querystring"]
        self._headers, self._body = sources["header"], sources["body"]
        self._streams_in = has_stream(shape)
        self._check = structure_check(members)

    def read(self, path: Mapping[str, str], raw_query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The members that the request has, by name; raises Invalid with every problem that it has."""
        given: dict[str, Any] = {name: path.get(label) for name, label in self._labels}
        if self._query and raw_query:
            texts = _held("query", read_query, raw_query)
            given.update((name, texts.get(key)) for name, key in self._query)
        for name, key in self._headers:
            given[name] = headers.get(key)
        if body and not self._streams_in:
            document = _held("body", _read_object, body)
            given.update((name, document.get(key)) for name, key in self._body)
        read: dict[str, Any] = self._check(given)
        return read


def _check(shape: Shape, location: str) -> Check:
    """The check of a top-level member, from the text that paths, queries and headers hold."""
    check = compile_check(shape)
    if location == "body":
        return check
    if location == "querystring" and isinstance(shape, ListShape):
        from_text = _FROM_TEXT[shape.member.type_name]
        return lambda texts: check([from_text(text) for text in texts])
    from_text = _FROM_TEXT[shape.type_name]
    if location == "querystring":
        return lambda texts: check(from_text(_only(texts)))
    return lambda text: check(from_text(text))


def _only(texts: list[str]) -> str:
    if len(texts) > 1:
        raise Invalid.here(f"is given {len(texts)} times, and one value is allowed")
    return texts[0]


def _held(part: str, read: Callable[[Any], dict[str, Any]], value: Any) -> dict[str, Any]:
    """What `read` makes of a part of the request; its problems are told under the part's name."""
    try:
        return read(value)
    except Invalid as invalid:
        raise Invalid(list(invalid.below(part))) from None


def _read_object(body: bytes) -> dict[str, Any]:
    if sum(map(body.count, _MARKS)) > _MOST_MARKS:
        raise Invalid.here(f"has more than {_MOST_MARKS} members and items, more than any operation takes")
    try:
        document = _JSON.decode(body.decode())
    except UnicodeDecodeError as error:
        raise Invalid.here(f"is not UTF-8, see byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise Invalid.here(f"is not JSON: {error}") from None
    except ValueError:
        raise Invalid.here("has a number of too many digits") from None
    except RecursionError:
        raise Invalid.here("is nested too deeply") from None
    if not isinstance(document, dict):
        raise Invalid.here(f"{shown(document)} is not a JSON object")
    return document


#: What a JSON document has at least one of for each value but the first. The longest list that an operation takes has
#: 20,000 items of three members. A bomb of eight million brackets is told by them, before it takes a second to read.
_MARKS = (b",", b"[", b"{")
_MOST_MARKS = 200_000


def _refuse_constant(name: str) -> NoReturn:
    raise Invalid.here(f"is not JSON: it has {name}")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)

"""Checks of structures, lists and maps, compiled from their shapes once: no shape is looked at later."""

from math import inf
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from strandkeep.protocol.problems import ENOUGH, Invalid, shown
from strandkeep.protocol.scalars import Check, integer_check, string_check, timestamp_check, wrong_size

Members = list[tuple[str, bool, Check]]
"""The members of a structure: name, whether it is required, and its check."""


def compile_check(shape: Shape) -> Check:
    """The check of a value as JSON gives it; KeyError for a type that the storage operations do not use."""
    if isinstance(shape, StructureShape):
        required = frozenset(shape.required_members)
        return structure_check(
            [(name, name in required, compile_check(member)) for name, member in shape.members.items()]
        )
    if isinstance(shape, ListShape):
        return _list_check(shape)
    if isinstance(shape, MapShape):
        return _map_check(shape)
    if isinstance(shape, StringShape):
        return string_check(shape)
    return {"integer": integer_check, "long": integer_check, "timestamp": timestamp_check}[shape.type_name](shape)


def structure_check(members: Members) -> Check:
    """An object with these members; None is as good as absent, members that are not listed are dropped."""

    def check(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Invalid.here(f"{shown(value)} is not an object")
        read: dict[str, Any] = {}
        problems: list[tuple[str, str]] = []
        for name, required, check_member in members:
            given = value.get(name)
            if given is not None:
                try:
                    read[name] = check_member(given)
                except Invalid as invalid:
                    problems.extend(invalid.below("." + name))
            elif required:
                problems.append(("." + name, "is missing, and it is required"))
        if problems:
            raise Invalid(problems)
        return read

    return check


def _list_check(shape: ListShape) -> Check:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", inf)
    check_item = compile_check(shape.member)

    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Invalid.here(f"{shown(value)} is not a list")
        if not least <= len(value) <= most:
            raise wrong_size(value, "item", len(value), least, most)
        try:
            return [check_item(item) for item in value]
        except Invalid:
            raise Invalid(_problems_of_items(value, check_item)) from None

    return check


def _problems_of_items(items: list[Any], check_item: Check) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    for place, item in enumerate(items):
        try:
            check_item(item)
        except Invalid as invalid:
            problems.extend(invalid.below(f"[{place}]"))
            if len(problems) >= ENOUGH:
                break
    return problems


def _map_check(shape: MapShape) -> Check:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", inf)
    check_key, check_entry = compile_check(shape.key), compile_check(shape.value)

    def check(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Invalid.here(f"{shown(value)} is not an object")
        if not least <= len(value) <= most:
            raise wrong_size(value, "pair", len(value), least, most)
        try:
            return {check_key(key): check_entry(entry) for key, entry in value.items()}
        except Invalid:
            raise Invalid(_problems_of_entries(value, check_key, check_entry)) from None

    return check


def _problems_of_entries(entries: dict[str, Any], check_key: Check, check_entry: Check) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    for key, entry in entries.items():
        for step, part, check_part in ((".key", key, check_key), (f"[{shown(key)}]", entry, check_entry)):
            try:
                check_part(part)
            except Invalid as invalid:
                problems.extend(invalid.below(step))
        if len(problems) >= ENOUGH:
            break
    return problems

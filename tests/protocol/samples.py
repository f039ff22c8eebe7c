"""Values that a shape of the service model allows: one of each, or as Hypothesis likes them."""

from datetime import UTC, datetime
from math import inf
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import strategies as st

from strandkeep.protocol.contract import is_stream

TEXT = r"[\p{L}||\p{M}||\p{Z}||\p{S}||\p{N}||\p{P}]+"

# The start of a value that has the pattern; any number of its last character may follow.
_SEEDS = {
    TEXT: "Zoë's № 1 | 日本",
    r"[\p{L}||\p{N}]+": "d41d8cd98f",
    r"[\p{N}||\p{P}]+": "bytes=0-9",
    r"[0-9]+": "1234567890",
    r"[a-zA-Z0-9]+": "Job1",
    r"arn:.+": "arn:aws:omics:eu-central-1:123456789012:sequenceStore/1234567890",
    r"arn:.*": "arn:aws:iam::123456789012:role/importer",
    r"$|^arn:.+": "arn:aws:omics:eu-central-1:123456789012:referenceStore/1/reference/2",
    r"arn:[^:]*:s3:[^:]*:[^:]*:accesspoint/.*": "arn:aws:s3:eu-central-1:123456789012:accesspoint/a",
    r".*arn:([^: ]*):([^: ]*):([^: ]*):([0-9]{12}):([^: ]*).*": "arn:aws:kms:eu-central-1:123456789012:key/a",
    r"s3://([a-z0-9][a-z0-9-.]{1,61}[a-z0-9])/(.{1,1024})": "s3://my-bucket/reads/é 1.fastq.gz",
    r"s3://([a-z0-9][a-z0-9-.]{1,61}[a-z0-9])/?((.{1,1024})/)?": "s3://my-bucket/out/",
    r"$|^s3://([a-z0-9][a-z0-9-.]{1,61}[a-z0-9])/?((.{1,1024})/)?": "s3://my-bucket/fallback/",
    r"$|^s3://([a-z0-9][a-z0-9-.]{1,61}[a-z0-9])/?((.{1,800})/)?": "s3://my-bucket/log/",
    "": "a value",
}
_CHARACTERS = {
    TEXT: st.characters(categories=("L", "M", "Z", "S", "N", "P")),
    r"[\p{L}||\p{N}]+": st.characters(categories=("L", "N")),
    r"[0-9]+": st.sampled_from("0123456789"),
    r"[a-zA-Z0-9]+": st.sampled_from("abcXYZ019"),
    "": st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
}
_ANY_IN_LINE = st.characters(categories=("L", "M", "Z", "S", "N", "P"))


def pattern_of(shape: Shape) -> str:
    return str(shape.metadata.get("pattern", ""))


def string_of(shape: Shape, length: int | None = None) -> str:
    """A string that has the shape's pattern, of this length if there is a way."""
    seed = _SEEDS[pattern_of(shape)]
    if length is None:
        length = min(max(len(seed), shape.metadata.get("min", 0)), shape.metadata.get("max", len(seed)))
    return seed[:length] + seed[-1] * (length - len(seed))


def example(shape: Shape, *, optional: bool = True) -> Any:
    """One valid value, as boto3 takes it; with every optional member, or with none."""
    if isinstance(shape, StructureShape):
        return {
            name: example(member, optional=optional)
            for name, member in shape.members.items()
            if optional or name in shape.required_members
        }
    if isinstance(shape, ListShape):
        return [example(shape.member, optional=optional)]
    if isinstance(shape, MapShape):
        return {example(shape.key): example(shape.value)}
    if isinstance(shape, StringShape):
        return shape.enum[0] if shape.enum else string_of(shape)
    number = max(7, shape.metadata.get("min", 7))
    plain = {"timestamp": datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC), "blob": b"ACGT"}
    return (plain | {"long": number, "integer": number, "double": number + 0.5})[shape.type_name]


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """All valid values, as boto3 takes them; a streaming payload is left out."""
    if isinstance(shape, StructureShape):
        members = {name: values(member) for name, member in shape.members.items() if not is_stream(member)}
        required = {name: member for name, member in members.items() if name in shape.required_members}
        return st.fixed_dictionaries(
            required, optional={name: member for name, member in members.items() if name not in required}
        )
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", inf)
    if isinstance(shape, ListShape):
        in_query = shape.serialization.get("location") == "querystring"
        return st.lists(values(shape.member), min_size=max(least, in_query), max_size=min(most, least + 3))
    if isinstance(shape, MapShape):
        return st.dictionaries(values(shape.key), values(shape.value), min_size=least, max_size=min(most, 3))
    if isinstance(shape, StringShape):
        return st.sampled_from(shape.enum) if shape.enum else _strings(shape, least, most)
    if shape.type_name == "timestamp":
        return st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
    if shape.type_name == "double":
        return st.floats(allow_nan=False, allow_infinity=False)
    bound = 2 ** {"integer": 31, "long": 63}[shape.type_name]
    return st.integers(shape.metadata.get("min", -bound), shape.metadata.get("max", bound - 1))


def _strings(shape: Shape, least: int, most: float) -> st.SearchStrategy[str]:
    pattern = pattern_of(shape)
    if pattern in _CHARACTERS:
        return st.text(_CHARACTERS[pattern], min_size=least, max_size=int(min(most, least + 40)))
    if shape.name == "Range":
        return st.just("bytes=0-9")
    seed = _SEEDS[pattern]
    room = int(min(most - len(seed), 60))
    longer = st.text(_ANY_IN_LINE, max_size=room).map(lambda tail: seed + tail)
    if "s3://" in pattern:
        longer = longer.map(lambda text: text + "/x/")
    return longer | st.just("") if pattern.startswith("$|") else longer

"""What a caller may want, drawn without knowing what there is; the model says whom and what it is about.

Draws never depend on what happened before: calls at once may come out one way or another, and an example must stay
the same example. So an intent names things by their age, and becomes a call when its time has come.
"""

import base64
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.properties.actions import ACCOUNTS, Action, Call, RunJob, Sweep
from tests.properties.answers import Arn
from tests.properties.model import Model
from tests.properties.reads import PIECES

#: Ids that were never given, of the form that ids have and of others.
NEVER = ("1234567890123456", "9" * 36, "1" * 10)

#: Which thing of a kind is meant: the newest that is there, an older one, the last that went, or one that never was.
AGES = st.sampled_from([0] * 10 + [1] * 4 + [2, 3, 4, "gone", "gone", "never"])
#: How it is addressed: mostly as it should be.
WAYS = st.sampled_from(["right"] * 12 + ["by another account", "in another store"])

TOKENS = st.sampled_from([None] * 3 + ["t1", "t2"])
NAMES = st.sampled_from(["a", "b"])
TAGS = st.sampled_from([{}] * 4 + [{"k": "1"}, {"k": "1", "l": ""}, {"k": "2"}] * 3 + [{"aws:k": "1"}, {"#": "1"}])
SOURCES = st.sampled_from(["SOURCE1"] * 3 + ["SOURCE2"])
NUMBERS = st.sampled_from([1, 1, 2, 3, 10_000])
PIECE_NAMES = st.sampled_from(["two reads"] * 3 + list(PIECES))


def nth(model: Model, kind: str, age: Any) -> Any:
    """The thing of a kind that is `age` things older than the newest; an id that never was when there is none."""
    things = [thing for thing in model.homes if thing.kind == kind]
    there = [thing for thing in things if model.is_there(thing)]
    gone = [thing for thing in things if thing not in there]
    if age == "never" or not things:
        return NEVER[len(things) % len(NEVER)]
    if age == "gone" or not there:
        return (gone or there)[-1]
    return there[-1 - age % len(there)]


def open_upload(model: Model, age: Any) -> Any:
    """The same for uploads; it is an open one that is meant, if any is."""
    there = [upload.id for upload in model.uploads.values() if upload.state == "OPEN"]
    return there[-1 - age % len(there)] if there and isinstance(age, int) else nth(model, "upload", age)


def address(model: Model, thing: Any, way: str) -> tuple[str, Any]:
    """The account that calls, and the store that it names."""
    home = model.homes.get(thing, nth(model, "store", 0))
    owner = model.stores[home].account if home in model.stores else ACCOUNTS[0]
    if way == "in another store":
        return owner, next((store for store in model.stores if store != home), NEVER[0])
    return (owner if way == "right" else ACCOUNTS[owner == ACCOUNTS[0]]), home


def given(**members: Any) -> dict[str, Any]:
    """Members as they are sent: those that are None or empty are left out."""
    return {name: value for name, value in members.items() if value not in (None, {})}


@dataclass(frozen=True)
class CreateStore:
    account: str
    name: str
    token: str | None
    tags: dict[str, str]
    family: str | None
    location: str | None

    def action(self, _model: Model) -> Action:
        more = given(eTagAlgorithmFamily=self.family, fallbackLocation=self.location, clientToken=self.token)
        return Call(self.account, "CreateSequenceStore", {"name": self.name, **given(tags=self.tags), **more})


@dataclass(frozen=True)
class UpdateStore:
    age: Any
    way: str
    name: str
    token: str | None
    location: str | None

    def action(self, model: Model) -> Action:
        account, store = address(model, nth(model, "store", self.age), self.way)
        members = given(name=self.name, clientToken=self.token, fallbackLocation=self.location)
        return Call(account, "UpdateSequenceStore", {"id": store, **members})


@dataclass(frozen=True)
class DeleteStore:
    age: Any
    way: str

    def action(self, model: Model) -> Action:
        account, store = address(model, nth(model, "store", self.age), self.way)
        return Call(account, "DeleteSequenceStore", {"id": store})


@dataclass(frozen=True)
class CreateUpload:
    age: Any
    way: str
    name: str
    token: str | None
    tags: dict[str, str]
    more: dict[str, str]

    def action(self, model: Model) -> Action:
        account, store = address(model, nth(model, "store", self.age), self.way)
        members = {"sourceFileType": "FASTQ", "subjectId": "su", "sampleId": "sa", "name": self.name, **self.more}
        tokens = given(clientToken=self.token, tags=self.tags)
        return Call(account, "CreateMultipartReadSetUpload", {"sequenceStoreId": store, **members, **tokens})


@dataclass(frozen=True)
class PutPart:
    age: Any
    way: str
    source: str
    number: int
    piece: str

    def action(self, model: Model) -> Action:
        upload = open_upload(model, self.age)
        account, store = address(model, upload, self.way)
        place = {"partSource": self.source, "partNumber": self.number}
        request = {"sequenceStoreId": store, "uploadId": upload, **place}
        return Call(account, "UploadReadSetPart", request, PIECES[self.piece])


@dataclass(frozen=True)
class Complete:
    age: Any
    way: str
    listing: str

    def action(self, model: Model) -> Action:
        upload = nth(model, "upload", self.age)
        account, store = address(model, upload, self.way)
        parts = LISTINGS[self.listing](listed(model, upload))
        return Call(
            account,
            "CompleteMultipartReadSetUpload",
            {"sequenceStoreId": store, "uploadId": upload, "parts": parts},
        )


@dataclass(frozen=True)
class Abort:
    age: Any
    way: str

    def action(self, model: Model) -> Action:
        upload = nth(model, "upload", self.age)
        account, store = address(model, upload, self.way)
        return Call(account, "AbortMultipartReadSetUpload", {"sequenceStoreId": store, "uploadId": upload})


@dataclass(frozen=True)
class Batch:
    """An operation on several read sets."""

    operation: str
    ages: list[Any]
    way: str

    def action(self, model: Model) -> Action:
        ids = [nth(model, "read set", age) for age in self.ages]
        account, store = address(model, ids[0], self.way)
        return Call(account, self.operation, {"sequenceStoreId": store, "ids": ids})


@dataclass(frozen=True)
class Reingest:
    age: Any
    way: str
    token: str | None
    file_type: str | None

    def action(self, model: Model) -> Action:
        read_set = nth(model, "read set", self.age)
        account, store = address(model, read_set, self.way)
        members = given(clientToken=self.token, sourceFileType=self.file_type)
        return Call(account, "ReingestReadSet", {"sequenceStoreId": store, "id": read_set, **members})


@dataclass(frozen=True)
class Tag:
    operation: str
    kind: str
    age: Any
    way: str
    tags: dict[str, str]

    def action(self, model: Model) -> Action:
        thing = nth(model, self.kind, self.age)
        account, store = address(model, thing, self.way)
        arn: Any = Arn(store) if self.kind == "store" else Arn(store, thing)
        what = {"tags": self.tags} if self.operation == "TagResource" else {"tagKeys": list(self.tags)}
        return Call(account, self.operation, {"resourceArn": arn, **what})


@dataclass(frozen=True)
class Ingest:
    age: Any
    how: str

    def action(self, model: Model) -> Action:
        return RunJob(nth(model, "read set", self.age), self.how)


@dataclass(frozen=True)
class SweepNow:
    grace: bool

    def action(self, _model: Model) -> Action:
        return Sweep(self.grace)


def listed(model: Model, upload: Any) -> list[dict[str, Any]]:
    """The parts of an upload as Complete lists them; those that it was completed with, when it was."""
    found = model.uploads.get(upload)
    if found is None:
        return []
    rows = found.completed_with or [(*place, part.digest) for place, part in sorted(found.parts.items())]
    return [
        {"partSource": source, "partNumber": number, "checksum": base64.b64encode(digest).decode()}
        for source, number, digest in rows
    ]


def hexed(part: dict[str, Any]) -> dict[str, Any]:
    """A part with its checksum in the other form."""
    return {**part, "checksum": base64.b64decode(part["checksum"]).hex()}


#: Ways to list the parts in a Complete, right ones and wrong ones.
LISTINGS = {
    "all": lambda parts: parts,
    "all, backwards and in hex": lambda parts: [hexed(part) for part in reversed(parts)],
    "all but the last": lambda parts: parts[:-1],
    "all but the first": lambda parts: parts[1:],
    "SOURCE1 alone": lambda parts: [part for part in parts if part["partSource"] == "SOURCE1"],
    "the first twice": lambda parts: parts + parts[:1],
    "one that was never sent": lambda parts: [*parts, *({**part, "partNumber": 77} for part in parts[:1])],
    "another checksum": lambda parts: [{**part, "checksum": "A" * 43 + "="} for part in parts],
    "no checksum": lambda parts: [{**part, "checksum": "?"} for part in parts],
}

CREATE_STORE = st.builds(
    CreateStore,
    st.sampled_from(["root"] * 5 + ["other"]),
    NAMES,
    TOKENS,
    TAGS,
    st.sampled_from([None, "SHA256up"]),
    st.sampled_from([None, "", "s3://bucket/x"]),
)
UPDATE_STORE = st.builds(UpdateStore, AGES, WAYS, NAMES, TOKENS, st.sampled_from([None, "", "s3://bucket/y"]))
DELETE_STORE = st.builds(DeleteStore, AGES, WAYS)
MORE = [{}, {"generatedFrom": "g", "description": "d"}, {"referenceArn": ""}] * 4
MORE += [{"sourceFileType": "BAM"}, {"referenceArn": "arn:x"}]
CREATE_UPLOAD = st.builds(CreateUpload, AGES, WAYS, NAMES, TOKENS, TAGS, st.sampled_from(MORE))
PUT_PART = st.builds(PutPart, AGES, WAYS, SOURCES, NUMBERS, PIECE_NAMES)
COMPLETE = st.builds(Complete, AGES, WAYS, st.sampled_from(["all"] * 8 + sorted(LISTINGS)))
ABORT = st.builds(Abort, AGES, WAYS)
BATCHES = st.sampled_from(["BatchDeleteReadSet", "BatchUndeleteReadSet"])
BATCH = st.builds(Batch, BATCHES, st.lists(AGES, min_size=1, max_size=3), WAYS)
BATCH_OF_ONE = st.builds(Batch, BATCHES, st.lists(AGES, min_size=1, max_size=1), WAYS)
REINGEST = st.builds(Reingest, AGES, WAYS, TOKENS, st.sampled_from([None, None, "FASTQ", "BAM"]))
TAG = st.builds(
    Tag, st.sampled_from(["TagResource", "UntagResource"]), st.sampled_from(["store", "read set"]), AGES, WAYS, TAGS
)
HOW = st.sampled_from(["ends"] * 4 + ["fails", "another ends first", "is overtaken"])
INGEST = st.builds(Ingest, AGES, HOW)
SWEEP = st.builds(SweepNow, st.booleans())

ABOUT_STORES = st.one_of(CREATE_STORE, UPDATE_STORE, DELETE_STORE, CREATE_UPLOAD)
ABOUT_UPLOADS = st.one_of(PUT_PART, PUT_PART, COMPLETE, ABORT)
ABOUT_READ_SETS = st.one_of(BATCH, BATCH, REINGEST, INGEST, TAG)
ANY = ABOUT_STORES | ABOUT_UPLOADS | ABOUT_READ_SETS
#: What meets at one thing. Each is one transaction: several together can come between those of others.
MEETING = st.one_of(
    *[ABORT, DELETE_STORE, CREATE_UPLOAD, INGEST, REINGEST, SWEEP],
    *[PUT_PART, COMPLETE, BATCH_OF_ONE] * 2,
)
#: Hours that pass: up to the time at which something is due, and beyond it.
WAITS = st.lists(st.sampled_from([1, 24, 7 * 24 - 1, 7 * 24, 8 * 24 - 1, 8 * 24]), min_size=1, max_size=2)
#: Two or three of them, or the same one twice, as from a client that did not wait for its answer.
MEETINGS = st.lists(MEETING, min_size=2, max_size=3) | MEETING.map(lambda intent: [intent, intent])
#: A whole upload, all of it about the newest of everything.
RIGHT = (st.just(0), st.just("right"))
PARTS = st.lists(st.builds(PutPart, *RIGHT, SOURCES, NUMBERS, PIECE_NAMES), min_size=1, max_size=3)
DELETE, UNDELETE = (Batch(f"Batch{what}ReadSet", [0], "right") for what in ("Delete", "Undelete"))
FEW_PARTS = st.lists(st.builds(PutPart, *RIGHT, SOURCES, NUMBERS, PIECE_NAMES), max_size=2)
UPLOAD = st.tuples(
    st.builds(CreateUpload, *RIGHT, NAMES, TOKENS, TAGS, st.sampled_from(MORE)),
    PARTS,
    st.builds(Complete, *RIGHT, st.sampled_from(["all"] * 3 + ["all, backwards and in hex", "SOURCE1 alone"])),
    st.builds(Ingest, st.just(0), HOW),
    st.sampled_from([[], [], [DELETE], [DELETE, UNDELETE], [DELETE, UNDELETE]]),
).map(lambda drawn: [drawn[0], *drawn[1], drawn[2], drawn[3], *drawn[4]])

"""Exactly one audit record for each call of every operation, built or not: allowed, denied and unknown."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import pytest
from botocore.model import OperationModel
from botocore.serialize import create_serializer

from strandkeep.access.first_start import new_access_key, open_installation
from strandkeep.access.sealing import open_sealer
from strandkeep.catalog import accounts, open_catalog
from strandkeep.folder import DataFolder
from strandkeep.operations.registry import OPERATIONS
from strandkeep.protocol.contract import served_operations
from strandkeep.settings import Settings
from tests.databases import DATABASES, new_url
from tests.e2e.uploading import new_store
from tests.e2e.wire import Reply, Wire
from tests.protocol.samples import example
from tests.server import RunningServer, start_server

NOT_PROVED = {
    "InvalidSignatureException": {"secret": "wrong"},
    "UnrecognizedClientException": {"key_id": "AKIANOBODY"},
}
#: Things that only our own operations know, by their path and in ARNs.
OURS = ("verification", "job")
#: First segment of a path → the kind of store that ARNs name, and that of what is in it.
KINDS = {"sequencestore": ("sequenceStore", "readSet"), "referencestore": ("referenceStore", "reference")}
SERIALIZER = create_serializer("rest-json", include_validation=False)


@dataclass(frozen=True)
class Caller:
    """A key of the installation, and whose it is."""

    account: str
    principal: str
    key_id: str
    secret: str

    @property
    def signing(self) -> dict[str, str]:
        return {"key_id": self.key_id, "secret": self.secret}


@dataclass(frozen=True)
class Installed:
    """A running server, with a user who may do nothing and another account's root."""

    server: RunningServer
    root: Caller
    user: Caller
    other: Caller


def new_caller(catalog: Any, sealer: Any, account: str, name: str) -> Caller:
    caller = Caller(account, f"arn:aws:iam::{account}:{name}", *new_access_key())

    def create(tx: Any) -> None:
        sealed = sealer.seal(caller.key_id, caller.secret)
        accounts.create_access_key(tx, caller.key_id, account, caller.principal, sealed)

    catalog.write(create)
    return caller


@pytest.fixture(scope="module", params=DATABASES)
def installed(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    data_dir: Path = tmp_path_factory.mktemp("recorded") / "data"
    DataFolder(data_dir).prepare()
    url = new_url(request, request.param, data_dir)
    catalog, sealer = open_catalog(url), open_sealer(data_dir / "secret.key")
    installation, _ = open_installation(catalog, sealer, Settings(data_dir=data_dir), lambda: False)
    catalog.write(lambda tx: accounts.create_account(tx, "999999999999"))
    user = new_caller(catalog, sealer, installation.account, "user/without-rights")
    other = new_caller(catalog, sealer, "999999999999", "root")
    catalog.close()
    with start_server(data_dir, **({"database_url": url} if request.param != "sqlite" else {})) as server:
        keys = (server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"])
        yield Installed(server, Caller(installation.account, installation.root_arn(), *keys), user, other)


def on_the_wire(model: OperationModel, params: dict[str, Any]) -> tuple[str, str, bytes]:
    """Method, target and body of a call, as botocore writes it."""
    made = SERIALIZER.serialize_to_request(params, model)
    query = urlencode(made["query_string"], quote_via=quote)
    return made["method"], made["url_path"] + (f"?{query}" if query else ""), made["body"] or b""


def spoilt(model: OperationModel) -> tuple[str, str, bytes]:
    """A call that the model forbids: a label too short, or a body that is no JSON."""
    params = example(model.input_shape, optional=False)
    labels = [n for n, m in model.input_shape.members.items() if m.serialization.get("location") == "uri"]
    method, target, body = on_the_wire(model, {**params, **dict.fromkeys(labels[:1], "x")})
    return method, target, body if labels else b"{"


def resource_of(model: OperationModel, params: dict[str, Any], account: str) -> str:
    """The ARN that a call is about, told from its path; operations that are not built do not say."""
    if model.name not in OPERATIONS:
        return "*"
    if "resourceArn" in params:
        return str(params["resourceArn"])
    segments = model.http["requestUri"].removeprefix("/strandkeep/v1").strip("/").split("/")
    if segments[0] in OURS and segments[1:2] == ["{id}"]:
        return f"arn:aws:strandkeep:us-east-1:{account}:{segments[0]}/{params['id']}"
    if segments[0] not in KINDS or len(segments) < 2:
        return "*"
    kind, inner = KINDS[segments[0]]
    store = params.get(f"{kind}Id") or params["id"]
    arn = f"arn:aws:omics:us-east-1:{account}:{kind}/{store}"
    return f"{arn}/{inner}/{params['id']}" if segments[2:4] == [inner.lower(), "{id}"] else arn


def records(installed: Installed, caller: Caller, wanted: set[str], seconds: float = 20) -> dict[str, list[Any]]:
    """Request id → its records, as the caller may list them, once all of these are there."""
    client = installed.server.client("strandkeep")
    if caller is not installed.root:
        client = boto3.Session(botocore_session=client_session(installed, caller)).client(
            "strandkeep", endpoint_url=installed.server.url, region_name="us-east-1"
        )
    deadline = time.monotonic() + seconds
    while True:
        found: dict[str, list[Any]] = {}
        for page in client.get_paginator("list_audit_records").paginate(PaginationConfig={"PageSize": 1000}):
            for record in page["records"]:
                found.setdefault(record["requestId"], []).append(record)
        if wanted <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def client_session(installed: Installed, caller: Caller) -> Any:
    import botocore.session

    from strandkeep.protocol.models import MODELS

    session = botocore.session.get_session()
    session.set_config_variable("data_path", str(MODELS))
    session.set_credentials(caller.key_id, caller.secret)
    return session


def request_id(reply: Reply) -> str:
    return reply.headers["x-amzn-requestid"]


def calls_of(wire: Wire, model: OperationModel, installed: Installed) -> Iterator[tuple[Reply, dict[str, Any]]]:
    """Every kind of call of one operation, each with what must stand in its record."""
    params = example(model.input_shape, optional=False)
    method, target, body = on_the_wire(model, params)
    action = {"action": f"{model.service_model.signing_name}:{model.name}"}
    about = {**action, "resource": resource_of(model, params, installed.root.account)}
    root = {"principal": installed.root.principal, "accessKeyId": installed.root.key_id}
    user = {"principal": installed.user.principal, "accessKeyId": installed.user.key_id}

    reply = wire.call(method, target, body)
    assert reply.error != "InternalServerException", (model.name, reply.body)
    yield reply, {**about, **root, "decision": "allowed", "outcome": reply.error or "ok"}
    refused = wire.call(method, target, body, **installed.user.signing)
    yield refused, {**about, **user, "decision": "denied", "outcome": "AccessDeniedException"}
    invalid = wire.call(*spoilt(model))
    yield invalid, {**action, **root, "resource": "*", "decision": "allowed", "outcome": "ValidationException"}
    for outcome, signing in NOT_PROVED.items():
        yield wire.call(method, target, body, **signing), {**action, "decision": "denied", "outcome": outcome}
    nobody = {**action, "decision": "denied", "outcome": "MissingAuthenticationTokenException"}
    yield wire.send(method, target, {}, body), nobody


def test_each_call_of_every_operation_leaves_exactly_one_record(installed: Installed) -> None:
    wire = Wire(installed.server)
    expected: dict[str, dict[str, Any]] = {}
    for model in served_operations():
        for reply, record in calls_of(wire, model, installed):
            assert (reply.error or "ok") == record["outcome"], (model.name, reply.body)
            expected[request_id(reply)] = record
    unknown = {
        "action": "omics:Unknown",
        "resource": "*",
        "decision": "allowed",
        "outcome": "UnknownOperationException",
    }
    by_nobody = set()
    for method, target in (("GET", "/nothing"), ("PATCH", "/sequencestores"), ("POST", "/strandkeep/v1/nothing")):
        expected[request_id(wire.call(method, target))] = unknown
        unsigned = wire.send(method, target + "/unsigned", {})
        expected[request_id(unsigned)] = {**unknown, "decision": "denied", "outcome": unsigned.error}
        by_nobody.add(request_id(unsigned))

    found = records(installed, installed.root, set(expected) - by_nobody)
    differing = []
    for name, record in expected.items():
        if record["action"] == "omics:Unknown" and record["decision"] == "denied":
            continue  # by nobody, on nothing: added up, below
        (kept,) = found[name]
        seen = {"principal": kept.get("principal"), "accessKeyId": kept.get("accessKeyId"), **kept}
        if any(seen[key] != value for key, value in record.items()) or kept["count"] != 1:
            differing.append((record, kept))
    assert differing == []
    every = [r for rs in found.values() for r in rs]
    nobodys = [r for r in every if r["action"] == "omics:Unknown" and r["decision"] == "denied"]
    assert sum(r["count"] for r in nobodys) == 3
    own = [r for r in every if r["action"] != "strandkeep:ListAuditRecords"]
    others = [name for name in expected if expected[name]["action"] != "strandkeep:ListAuditRecords"]
    assert sum(record["count"] for record in own) == len(others)


def test_a_call_about_another_accounts_thing_is_on_that_callers_record(installed: Installed) -> None:
    store_id = new_store(installed.server.client())
    wire = Wire(installed.server)
    reply = wire.call("GET", f"/sequencestore/{store_id}", **installed.other.signing)
    assert reply.error == "ResourceNotFoundException"
    (record,) = records(installed, installed.other, {request_id(reply)})[request_id(reply)]
    assert (record["principal"], record["outcome"]) == (installed.other.principal, "ResourceNotFoundException")
    assert request_id(reply) not in records(installed, installed.root, set())

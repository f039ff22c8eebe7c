"""What botocore writes we read, and what we write botocore reads, for every operation."""

import hashlib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strandkeep.protocol.contract import has_stream, served_operations
from strandkeep.protocol.operation import Operation
from strandkeep.protocol.service import load_service
from strandkeep.protocol.sigv4 import SigningKeys, check_signature, check_time, payload_form, read_claim
from tests.protocol.samples import example, values
from tests.protocol.wire import ACCESS_KEY_ID, REGION, SECRET, Sent, Wire

SERVICE = load_service()
WIRES = {service: Wire(service) for service in ("omics", "strandkeep")}
MODELS = served_operations()
KEYS = SigningKeys()

#: Operations for which an SDK makes a clientToken when its user gives none.
TOKENS_MADE = (
    "CreateSequenceStore",
    "UpdateSequenceStore",
    "ReingestReadSet",
    "StartVerification",
    "ImportReadSets",
    "RetryFailedItems",
)

few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@few
@given(data=st.data())
def test_what_botocore_sends_is_what_the_operation_gets(model, data):
    params = data.draw(values(model.input_shape))
    payload = {"payload": b"@read\nACGT\n"} if has_stream(model.input_shape) else {}
    wire = WIRES[model.service_model.service_name]
    wire.answer = (model.http["responseCode"], b"{}")
    sent = wire.call(SERVICE.operations[model.name].function, params | payload)

    operation, labels = SERVICE.route(sent.request.method, sent.request.raw_path)
    assert operation.name == model.name
    read = operation.parse(labels, sent.request.raw_query, sent.headers, sent.body)
    if "clientToken" not in params and model.name in TOKENS_MADE:
        assert len(read.pop("clientToken")) == 36
    assert read == params
    verify(sent, operation)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@few
@given(data=st.data())
def test_what_we_answer_is_what_botocore_returns(model, data):
    operation = SERVICE.operations[model.name]
    answer = data.draw(values(model.output_shape))
    wire = WIRES[operation.service]
    wire.answer = (operation.status, operation.serialise(answer))
    returned = getattr(wire.client, operation.function)(**minimal(model))
    assert returned.pop("ResponseMetadata")["HTTPStatusCode"] == operation.status
    returned.pop("payload", None)
    assert returned == to_milliseconds(answer)


def verify(sent: Sent, operation: Operation) -> None:
    claim = read_claim(sent.request)
    assert (claim.access_key_id, claim.region, claim.service) == (ACCESS_KEY_ID, REGION, operation.service)
    check_time(claim, claim.signed_at)
    form = payload_form(claim, unsigned_allowed=operation.unsigned_payload)
    assert form == ("unsigned" if operation.unsigned_payload else "hashed")
    digest = "UNSIGNED-PAYLOAD" if form == "unsigned" else hashlib.sha256(sent.body).hexdigest()
    check_signature(claim, sent.request, digest, KEYS.get(claim, SECRET))


def minimal(model: Any) -> dict[str, Any]:
    params: dict[str, Any] = example(model.input_shape, optional=False)
    return params


def to_milliseconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: to_milliseconds(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [to_milliseconds(item) for item in value]
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value

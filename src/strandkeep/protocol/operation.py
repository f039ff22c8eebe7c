"""One operation of the wire: what a request must be, and how its answer is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel

from strandkeep.protocol.answers import compile_answer
from strandkeep.protocol.contract import has_stream, members_of
from strandkeep.protocol.problems import Invalid
from strandkeep.protocol.requests import RequestReader

_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, compiled from the service model."""

    service: str
    """The name that requests are signed for: `omics`, or `strandkeep` for our own."""
    name: str
    """`UploadReadSetPart`"""
    function: str
    """`upload_read_set_part`"""
    method: str
    path: str
    """The template, such as `/sequencestore/{sequenceStoreId}/upload`."""
    status: int
    """The HTTP status of success: 200 or 204."""
    unsigned_payload: bool
    """Whether a client may leave the body out of its signature."""
    streams_in: bool
    """Whether the body is a stream of bytes; parse() does not look at it."""
    streams_out: bool
    """Whether the answer is a stream of bytes and not JSON."""
    ends_in_arn: bool
    """Whether the last label of the path is an ARN, which may hold slashes."""
    errors: frozenset[str]
    """The names of the errors that the model gives to this operation."""
    _reader: RequestReader
    _write: Callable[[Mapping[str, Any]], bytes]

    @property
    def action(self) -> str:
        """`omics:UploadReadSetPart`, as policies and the audit trail name it."""
        return f"{self.service}:{self.name}"

    def parse(self, path: Mapping[str, str], raw_query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Every member of the request by its name in the model, completely validated.

        `path` has the labels as route() gives them, `raw_query` is undecoded, `headers` have lower-case
        names. Timestamps become aware datetimes in UTC; members that are absent or null are left out, as
        are members that the model lacks and a streaming payload. Raises ValidationException, which names
        the members, values and limits of the first five problems.
        """
        try:
            return self._reader.read(path, raw_query, headers, body)
        except Invalid as invalid:
            raise invalid.error() from None

    def serialise(self, answer: Mapping[str, Any]) -> bytes:
        """The body of the answer: JSON in UTF-8, without members that are None; empty for status 204.

        Raises TypeError or ValueError for an answer that the model does not describe.
        """
        body = self._write(answer)
        return b"" if self.status == _NO_CONTENT else body


def compile_operation(model: OperationModel) -> Operation:
    """The operation that the model describes; all work on shapes happens here, and none per request."""
    return Operation(
        service=model.service_model.signing_name,
        name=model.name,
        function=xform_name(model.name),
        method=model.http["method"],
        path=model.http["requestUri"],
        status=model.http["responseCode"],
        unsigned_payload=model.auth_type == "v4-unsigned-body",
        streams_in=has_stream(model.input_shape),
        streams_out=has_stream(model.output_shape),
        ends_in_arn=_ends_in_arn(model),
        errors=frozenset(shape.name for shape in model.error_shapes),
        _reader=RequestReader(model.input_shape),
        _write=compile_answer(model.output_shape),
    )


def _ends_in_arn(model: OperationModel) -> bool:
    label = model.http["requestUri"].rpartition("/")[2]
    return any(
        label == f"{{{member.serialization.get('name')}}}" and member.metadata.get("pattern", "").startswith("arn:")
        for member in members_of(model.input_shape).values()
    )

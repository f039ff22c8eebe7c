"""The contract: the storage half of botocore's service model for `omics`, and our own model, `strandkeep`."""

from collections.abc import Mapping
from typing import Any

from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from strandkeep.protocol.models import MODELS

STORAGE_HOST_PREFIXES = frozenset({"control-storage-", "storage-", "tags-"})


def load_model(service: str = "omics") -> ServiceModel:
    """The newest service model of that name, botocore's or our own (about 0.1 s; ask once)."""
    return ServiceModel(create_loader(str(MODELS)).load_service_model(service, "service-2"), service)


def served_operations() -> list[OperationModel]:
    """The operations that the server knows: the storage half of `omics`, and all of `strandkeep`."""
    own = load_model("strandkeep")
    return [*storage_operations(load_model()), *(own.operation_model(name) for name in own.operation_names)]


def storage_operations(model: ServiceModel) -> list[OperationModel]:
    """The operations of the storage half, by name: those that live on its three host prefixes."""
    operations = (model.operation_model(name) for name in model.operation_names)
    return [operation for operation in operations if _host_prefix(operation) in STORAGE_HOST_PREFIXES]


def is_stream(shape: Shape) -> bool:
    """Whether the member is a body of bytes, which is handed over as a stream and never parsed."""
    return bool(shape.serialization.get("streaming"))


def members_of(shape: StructureShape | None) -> Mapping[str, Shape]:
    """The members of an input or output, which some operations lack."""
    return shape.members if shape is not None else {}


def has_stream(shape: StructureShape | None) -> bool:
    """Whether the body of that input or output is a stream."""
    return any(map(is_stream, members_of(shape).values()))


def _host_prefix(operation: OperationModel) -> str:
    endpoint: Any = operation.endpoint or {}
    return str(endpoint.get("hostPrefix", ""))

"""What is served, as the HTTP edge sees it: operations, by name and by path."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from strandkeep.protocol.contract import served_operations
from strandkeep.protocol.operation import Operation, compile_operation
from strandkeep.protocol.routes import Routes


class Service:
    """A set of operations that share one space of paths and names, whichever service model they come from."""

    operations: Mapping[str, Operation]
    """By API name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = MappingProxyType({operation.name: operation for operation in operations})
        self._routes = Routes(self.operations.values())

    def route(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
        """The operation of a method and an undecoded path without query, and the path's decoded labels.

        Raises UnknownOperationException, or ValidationException for broken percent-encoding.
        """
        return self._routes.find(method, raw_path)


def load_service() -> Service:
    """The 41 storage operations of `omics` and our own of `strandkeep`, compiled: about 0.2 s, once at start."""
    return Service(map(compile_operation, served_operations()))

"""Who calls, from where, with what: every operation takes this first, and a job carries its starter's."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RequestContext:
    """One call. `principal` is an ARN; `source_address` is the peer's IP, empty for the server's own work."""

    account: str
    principal: str
    access_key_id: str
    source_address: str
    request_id: str

    def as_json(self) -> dict[str, Any]:
        """The context as a job row keeps it."""
        return asdict(self)

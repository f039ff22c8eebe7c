"""The one place where it is decided who may do what."""

from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import Installation
from strandkeep.errors import AccessDeniedException


def authorise(context: RequestContext, installation: Installation, action: str, resource: str) -> None:
    """Raise AccessDeniedException unless the caller may do `action` on `resource` (ARN or `*`).

    An action is `omics:<Operation>`, or `strandkeep:<Operation>` for one of our own.

    For now there is one policy, the root's: an account's root may do everything with what its account owns.
    """
    root = f"arn:{installation.partition}:iam::{context.account}:root"
    if context.principal != root:
        raise AccessDeniedException(
            f"{context.principal} is not authorized to perform {action} on {resource}: "
            "no policy allows it. Ask the account's administrator."
        )

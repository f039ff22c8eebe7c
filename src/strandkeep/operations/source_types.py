"""What a source may be declared as, when it is uploaded or checked once more."""

from strandkeep.catalog import Transaction
from strandkeep.catalog.locks import lock_reference
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import Installation, is_id
from strandkeep.errors import ResourceNotFoundException, ValidationException

#: Types whose records lie on a reference.
_ALIGNED = frozenset({"BAM", "CRAM"})


def check_type(file_type: str, reference_arn: str | None) -> None:
    """Raise ValidationException for an aligned type without a reference; an empty ARN is none."""
    if file_type in _ALIGNED and not reference_arn:
        raise ValidationException(
            f"referenceArn: it is missing; {file_type} lies on a reference. Import its FASTA with "
            "StartReferenceImportJob, and give the ARN of that reference."
        )


def lock_named_reference(
    tx: Transaction, context: RequestContext, here: Installation, reference_arn: str | None
) -> None:
    """Keep a reference from being deleted before the caller's transaction names it; nothing for an empty ARN.

    ResourceNotFoundException unless it is an ACTIVE one of the caller's account. In the order of locks it comes after
    stores, and before uploads and read sets.
    """
    if not reference_arn:
        return
    named = here.parse_arn(reference_arn, "referenceArn")
    row = None
    if named.kind == "reference" and is_id(named.store_id) and is_id(named.id):
        row = lock_reference(tx, context.account, named.store_id, named.id, shared=True)
    if row is None or row.status != states.ACTIVE:
        raise ResourceNotFoundException(f"referenceArn: the reference {reference_arn!r} does not exist.")

"""What a source may be declared as, when it is uploaded or checked once more."""

from strandkeep.errors import NotSupportedOperationException, ResourceNotFoundException

#: Types whose ingest is built.
_SUPPORTED_TYPES = frozenset({"FASTQ"})


def check_type_and_reference(file_type: str, reference_arn: str | None) -> None:
    """Raise NotSupportedOperation for a type that is not built yet, ResourceNotFound for an unknown reference."""
    if file_type not in _SUPPORTED_TYPES:
        raise NotSupportedOperationException(
            f"sourceFileType: {file_type} is not supported by this version yet; FASTQ (gzip) is."
        )
    if reference_arn:
        raise ResourceNotFoundException(f"referenceArn: {reference_arn!r} does not exist here.")

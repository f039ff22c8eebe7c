"""The types of source files: what the API says of each."""

#: AWS has no digests of its own for UBAM.
_DIGESTED_AS = {"UBAM": "BAM"}

_ALIGNED = frozenset({"BAM", "CRAM"})

_HEADED = frozenset({"UBAM", "BAM", "CRAM"})


def etag_algorithm(file_type: str, family: str) -> str:
    """The name of the algorithm of an ETag: FASTQ_MD5up for FASTQ in a store of the family MD5up."""
    return f"{_DIGESTED_AS.get(file_type, file_type)}_{family}"


def alignment(file_type: str) -> str:
    """ALIGNED or UNALIGNED."""
    return "ALIGNED" if file_type in _ALIGNED else "UNALIGNED"


def has_header(file_type: str) -> bool:
    """Whether a file begins with a header, which a line can be added to."""
    return file_type in _HEADED


def media_type(file_type: str) -> str:
    """The media type of a source file: FASTQ, BAM and UBAM are gzip."""
    return "application/octet-stream" if file_type == "CRAM" else "application/gzip"

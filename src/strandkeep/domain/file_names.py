"""The names of files, fixed when they are made, the last component of their key; and of manifests."""

import re
import unicodedata

_EXTENSIONS = {"FASTQ": (".fastq.gz", ".fq.gz"), "BAM": (".bam",), "UBAM": (".bam",), "CRAM": (".cram",)}

_SHOWN = 36


def uploaded_file_name(name: str, file_type: str, source: str) -> str:
    """The name of an uploaded file: `<name>_source1.fastq.gz`, `<name>.bam`, `<name>.cram`."""
    extensions = _EXTENSIONS[file_type]
    stem = _clean(name)
    for extension in extensions:
        stem = stem.removesuffix(extension)
    suffix = f"_{source.lower()}" if file_type == "FASTQ" else ""
    return f"{stem or '_'}{suffix}{extensions[0]}"


def imported_file_name(uri: str) -> str:
    """The name of a file that was imported: the last component of its key."""
    return _clean(uri.rpartition("/")[2]) or "_"


def shown_file_name(uri: str) -> str:
    """The end of a file's name, as much as a message of 127 letters has room for beside what it says."""
    name = uri.rpartition("/")[2]
    return name if len(name) <= _SHOWN else f"…{name[1 - _SHOWN :]}"


def manifest_name(holder_id: str, revision: int) -> str:
    """The name of the small object that tells beside the bytes what a revision of its holder is made of."""
    return f"{holder_id}.{revision}.json"


def _clean(name: str) -> str:
    """The name without what a key or a folder cannot hold: `/`, control characters, line ends, leading dots."""
    printable = "".join("_" if c == "/" or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in name)
    return re.sub(r"^\.+", lambda dots: "_" * len(dots[0]), printable)

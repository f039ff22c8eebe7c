"""The sources of an import of read sets: what they may be, and what the files that come of them are called."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from strandkeep.domain.file_names import imported_file_name
from strandkeep.errors import ValidationException

_MATES = ("source1", "source2")
_EXTENSIONS = (".fastq.gz", ".fq.gz")


def uris_of(source_files: Mapping[str, Any]) -> dict[str, list[str]]:
    """SOURCE1 and, of a pair, SOURCE2 → the URIs that it is made of, in order. An empty member is none."""
    given = {member: source_files.get(member) or [] for member in _MATES}
    return {member.upper(): [uris] if isinstance(uris, str) else list(uris) for member, uris in given.items() if uris}


def check_source_files(file_type: str, source_files: Mapping[str, Any], where: str) -> None:
    """Raise ValidationException, naming the member below `where`, for files that cannot be a source of this type."""
    uris = uris_of(source_files)
    if "SOURCE2" in uris and file_type != "FASTQ":
        raise ValidationException(
            f"{where}.source2: only FASTQ has a second file, that of the mates; leave it out for {file_type}."
        )
    if file_type != "FASTQ" and len(uris["SOURCE1"]) > 1:
        raise ValidationException(
            f"{where}.source1: {file_type} files cannot stand one after the other; merge them first (samtools cat), "
            "or import each as a read set of its own."
        )
    times = Counter(uri for several in uris.values() for uri in several)
    twice, number = times.most_common(1)[0]
    if number > 1:
        raise ValidationException(f"{where}: {twice} is named twice; each file is part of one source, once.")


def shown_source_files(source_files: Mapping[str, Any]) -> dict[str, str]:
    """The files of a source as AWS's API shows them: of a source that is made of several, the first."""
    return {source.lower(): uris[0] for source, uris in uris_of(source_files).items()}


def read_set_name(request: Mapping[str, Any]) -> str:
    """The name of a read set: as its source says, else the base name of its first file."""
    return request.get("name") or imported_file_name(uris_of(request["sourceFiles"])["SOURCE1"][0])


def file_names(uris: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Source → the name of its file: that of the object, or of the first one.

    Mates of the same name get the source into it, before the extension.
    """
    names = {source: imported_file_name(several[0]) for source, several in uris.items()}
    if len(set(names.values())) == len(names):
        return names
    return {source: _told_apart(name, source) for source, name in names.items()}


def _told_apart(name: str, source: str) -> str:
    extension = next((extension for extension in _EXTENSIONS if name.endswith(extension)), "")
    return f"{name.removesuffix(extension)}_{source.lower()}{extension}"

"""What a tag may be. The service model gives lengths and counts; the rest is here."""

from collections.abc import Collection, Mapping

import regex

from strandkeep.errors import ValidationException

MOST_TAGS = 50

_ALLOWED = regex.compile(r"[\p{L}\p{N}\p{Z}_.:/=+\-@]*")
_ALLOWED_TEXT = "letters, digits, blanks and _ . : / = + - @"


def check_tags(tags: Mapping[str, str], already: Collection[str] = ()) -> None:
    """Raise ValidationException unless `tags` may be set on a thing that carries the keys `already`."""
    for key, value in tags.items():
        check_tag_key(key)
        _check_characters("tags." + key, value)
    count = len({*tags, *already})
    if count > MOST_TAGS:
        raise ValidationException(f"tags: {count} tags would be on this resource; at most {MOST_TAGS} are allowed.")


def check_tag_key(key: str) -> None:
    """Raise ValidationException for a key that users may neither set nor remove."""
    if key.lower().startswith("aws:"):
        raise ValidationException(f"tags: the key {key!r} begins with 'aws:', which is reserved for the system.")
    _check_characters("tags", key)


def system_tags(subject_id: str, sample_id: str) -> dict[str, str]:
    """The tags that every read set carries by itself."""
    return {"aws:omics:subjectId": subject_id, "aws:omics:sampleId": sample_id}


def _check_characters(member: str, text: str) -> None:
    if _ALLOWED.fullmatch(text) is None:
        raise ValidationException(f"{member}: {text!r} holds a character that tags may not; allowed: {_ALLOWED_TEXT}.")

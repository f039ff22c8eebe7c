"""Quotas: how many of a thing there may be, and how large it may become."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from strandkeep.errors import ServiceQuotaExceededException


@dataclass(frozen=True)
class Quota:
    """What is counted, AWS's number of it (0 for no quota), and what a caller who has reached it can do."""

    what: str
    aws: int
    advice: str


@dataclass(frozen=True)
class Tally:
    """How many rows of read sets a store held at a time, in microseconds; deleted ones may still be among them."""

    rows: int
    at: int


#: By the id of the store.
Tallies = MutableMapping[str, Tally]

#: By the name of the setting, without its `quota_`.
QUOTAS: Mapping[str, Quota] = {
    "sequence_stores": Quota("sequence stores of an account", 20, "Delete one that is no longer needed"),
    "read_sets_per_store": Quota("read sets of a sequence store", 1_000_000, "Delete some, or use another store"),
    "open_uploads": Quota("open uploads of a sequence store", 0, "Complete or abort one"),
    "reference_stores": Quota("reference stores of an account", 1, "Delete one that is no longer needed"),
    "references_per_store": Quota("references of a reference store", 50, "Delete some, or use another store"),
    "reference_size": Quota("bytes of one reference", 15 << 30, "Import less"),
    "concurrent_import_jobs": Quota("unfinished import jobs of a store", 5, "Start it when one of them has ended"),
    # AWS says 976 GB: so much do 10,000 parts of 100 MiB hold, in GiB.
    "file_size": Quota("bytes of one file", 976 << 30, "Upload less"),
}


def in_force(name: str, profile: str, given: int | None) -> int:
    """The quota that holds: the one that was set, else the profile's; 0 for none."""
    if given is not None:
        return given
    return QUOTAS[name].aws if profile == "aws" else 0


def check_quota(name: str, quota: int, taken: int, more: int = 1) -> None:
    """Raise ServiceQuotaExceededException when `more` beside what is `taken` is over the quota; 0 is none."""
    if quota and taken + more > quota:
        known = QUOTAS[name]
        raise ServiceQuotaExceededException(
            f"The quota of {known.what} is {quota}: {taken} are taken, and this asks for {more} more. "
            f"{known.advice}, or ask the operator to raise quota_{name}."
        )

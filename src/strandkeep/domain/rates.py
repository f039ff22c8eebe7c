"""Rates: how often an account may call an operation."""

import difflib
from collections.abc import Collection, Mapping

_GROUPS: Mapping[float, str] = {
    1: """CreateSequenceStore UpdateSequenceStore DeleteSequenceStore CreateReferenceStore DeleteReferenceStore
        BatchDeleteReadSet DeleteReference CreateMultipartReadSetUpload CompleteMultipartReadSetUpload
        AbortMultipartReadSetUpload GetS3AccessPolicy PutS3AccessPolicy DeleteS3AccessPolicy""",
    # AWS does not list GetReferenceStore; it has the rate of its siblings.
    5: """GetSequenceStore ListSequenceStores GetReferenceStore ListReferenceStores GetReadSetMetadata ListReadSets
        StartReadSetImportJob GetReadSetImportJob ListReadSetImportJobs
        StartReadSetExportJob GetReadSetExportJob ListReadSetExportJobs
        StartReadSetActivationJob GetReadSetActivationJob ListReadSetActivationJobs
        StartReferenceImportJob GetReferenceImportJob ListReferenceImportJobs
        ListReferences GetReferenceMetadata ListMultipartReadSetUploads ListReadSetUploadParts
        TagResource UntagResource ListTagsForResource""",
    10: "GetReference UploadReadSetPart",
    30: "GetReadSet",
}

#: AWS's calls per second and account.
AWS_RATES: Mapping[str, float] = {name: rate for rate, names in _GROUPS.items() for name in names.split()}

#: Buckets kept before those that are full again are dropped.
_MOST = 10_000


def rates_in_force(profile: str, given: str, operations: Collection[str]) -> dict[str, float]:
    """Operation → calls per second and account; what has no rate is left out.

    `given` is such as "UploadReadSetPart=10, GetReadSet=0.5" and goes over the profile's; 0 takes a rate away.
    ValueError for what is none of the `operations`.
    """
    rates = dict(AWS_RATES) if profile == "aws" else {}
    for entry in filter(None, map(str.strip, given.split(","))):
        name, _, rate = map(str.strip, entry.partition("="))
        if name not in operations:
            near = difflib.get_close_matches(name, operations, 1)
            raise ValueError(f"rates: there is no operation {name!r}" + (f"; is it {near[0]}?" if near else ""))
        rates[name] = float(rate)
    return {name: rate for name, rate in rates.items() if rate}


class Buckets:
    """A bucket of tokens for each account and operation. A call takes one; a full bucket holds a second's worth.

    Time is whatever clock the caller hands in, in seconds, as long as it never goes back.
    """

    def __init__(self, rates: Mapping[str, float]) -> None:
        self._rates = rates
        # All that there is to know of a bucket: when it will be full.
        self._full_at: dict[tuple[str, str], float] = {}

    def take(self, account: str, operation: str, now: float) -> float:
        """0.0 for a call that may come; else the seconds after which one may, and nothing was taken."""
        rate = self._rates.get(operation)
        if rate is None:
            return 0.0
        full_at = max(self._full_at.get((account, operation), now), now) + 1 / rate
        wait = full_at - now - max(1.0, 1 / rate)
        # Sums of such fractions are off by less than a microsecond.
        if wait > 1e-6:
            return wait
        self._keep((account, operation), full_at, now)
        return 0.0

    def __len__(self) -> int:
        return len(self._full_at)

    def _keep(self, key: tuple[str, str], full_at: float, now: float) -> None:
        if len(self._full_at) >= _MOST:
            self._full_at = {known: at for known, at in self._full_at.items() if at > now}
        self._full_at[key] = full_at

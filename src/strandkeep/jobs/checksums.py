"""MD5s that lie beside the files of an import: a file that is not what they tell is refused."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.buckets import BucketError
from strandkeep.catalog.originals import Original
from strandkeep.domain import md5sums
from strandkeep.domain.md5sums import Md5s
from strandkeep.house import House
from strandkeep.jobs.fetching import Fetch, open_original
from strandkeep.jobs.running import Superseded
from strandkeep.jobs.sources import Refused


def check(house: House, item: Row[Any], fetches: Sequence[Fetch], originals: Sequence[Original]) -> None:
    """Raise Refused for a file whose MD5 is not what is told beside it; BucketAway when that cannot be found out.

    `originals` are those of `fetches`, in order. Each list is read once.
    """

    @cache
    def in_folder(uri: str) -> Md5s:
        return md5sums.md5s_of(_content(house, item, uri))

    uris = [came.uri for fetch in fetches for came in fetch.originals]
    for uri, original in zip(uris, originals, strict=True):
        if house.stopping.is_set():
            raise Superseded
        name = uri.rpartition("/")[2]
        beside = md5sums.md5s_of(_content(house, item, uri + md5sums.SUFFIX))
        told = {f"its {md5sums.SUFFIX}": md5sums.told_beside(name, beside), **_told_in_folder(uri, in_folder)}
        for where, md5s in told.items():
            difference = md5sums.difference(name, original.md5, md5s, where)
            if difference:
                raise Refused(difference)


def _told_in_folder(uri: str, read: Callable[[str], Md5s]) -> dict[str, frozenset[str]]:
    """List → the MD5s that it tells of a file that lies beside it."""
    folder, _, name = uri.rpartition("/")
    return {listed: md5sums.told_of(name, read(f"{folder}/{listed}")) for listed in md5sums.LISTS}


def _content(house: House, item: Row[Any], uri: str) -> bytes:
    """What a list has; nothing if there is none, or it cannot be read, or is no list."""
    try:
        with open_original(house, item, uri) as found:
            return b"".join(found.chunks()) if found.size <= md5sums.LONGEST else b""
    except BucketError:
        # A store that may not be listed says that what is not there is forbidden.
        return b""

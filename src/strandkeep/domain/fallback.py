"""Where a failed upload is kept: the keys below the fallback location of its store."""

from typing import NamedTuple


class FallbackPlace(NamedTuple):
    """Where one upload is kept. `location` is `s3://bucket` or `s3://bucket/prefix`, a slash behind it or not."""

    location: str
    store_id: str
    upload_id: str

    @property
    def request(self) -> str:
        """The URI of what was asked for and what was wrong with it, which comes last."""
        return f"{self._folder}/request.json"

    def part(self, source: str, number: int) -> str:
        """The URI of a part of a source, numbered from 1 in the order of its file."""
        return f"{self._folder}/{source}/part-{number:05}"

    @property
    def _folder(self) -> str:
        return f"{self.location.rstrip('/')}/{self.store_id}/{self.upload_id}"

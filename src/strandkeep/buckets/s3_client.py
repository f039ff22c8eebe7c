"""Clients of S3 endpoints, made of what a mapping says and of nothing else."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from obstore.store import S3Store

from strandkeep.bucket_settings import S3Keys, S3Place

_CONNECT = timedelta(seconds=5)

#: A read of a body may last as long as whoever takes the bytes likes; only silence ends it.
_WHOLE = timedelta(days=1)

_ambient = threading.Lock()


def s3_client(place: S3Place, *, silence: timedelta, retries: int) -> S3Store:
    """A client, which threads may share: it gives a request up after `silence`, and sends it `retries` times again.

    ValueError when a secret is not where the mapping says.
    """
    known = _access(place)
    with _nothing_ambient():
        return S3Store(
            place.bucket,
            region=place.region,
            virtual_hosted_style_request=not place.path_style,
            client_options={
                "allow_http": True,
                "connect_timeout": _CONNECT,
                "read_timeout": silence,
                "timeout": _WHOLE,
            },
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=30)},
            **known,
        )


def _access(place: S3Place) -> dict[str, Any]:
    endpoint = {"endpoint": _endpoint(place)} if place.endpoint else {}
    keys = place.credentials
    if keys is None:
        return {**endpoint, "skip_signature": True}
    if not isinstance(keys, S3Keys):
        return endpoint
    signed = {"access_key_id": keys.access_key_id.read(), "secret_access_key": keys.secret_access_key.read()}
    return {**endpoint, **signed, **({"session_token": keys.session_token.read()} if keys.session_token else {})}


def _endpoint(place: S3Place) -> str:
    """The endpoint's URL, which names the bucket unless the path does."""
    parts = urlsplit(place.endpoint)
    return place.endpoint if place.path_style else f"{parts.scheme}://{place.bucket}.{parts.netloc}"


@contextmanager
def _nothing_ambient() -> Iterator[None]:
    """Hide the variables `AWS_…`: a client looks at all of them when it is made, its endpoint and keys included."""
    with _ambient:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("AWS_")}
        try:
            yield
        finally:
            os.environ.update(hidden)

"""The tables `[buckets.NAME]` of `strandkeep.toml`: where a bucket is, by which keys, and who may use it.

What cannot be so is a ValueError, which says what it may be and repeats nothing that could be a secret.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

#: As AWS names buckets, and as the service model lets requests name them.
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_LISTS = {"accounts": (r"[0-9]{12}", "accounts of 12 digits"), "roles": (r"arn:[^:]+:iam::.+", "ARNs of roles")}
_ANY = ("url", *_LISTS, "read_only")
_ADOPT = ("copy", "link", "clone")
_SECRETS = ("access_key_id", "secret_access_key", "session_token")
_SECRET_FORMS = tuple(f"{name}{form}" for name in _SECRETS for form in ("", "_file", "_env"))
_S3 = ("endpoint", "region", "path_style", "credentials", *_SECRET_FORMS)


@dataclass(frozen=True)
class Secret:
    """A secret, or the file or the variable of the environment that has it. No repr shows it."""

    value: str = field(default="", repr=False)
    file: str = ""
    variable: str = ""

    def read(self) -> str:
        """The secret itself; ValueError when it is not where it should be."""
        if self.value:
            return self.value
        return _from_file(self.file) if self.file else _from_environment(self.variable)


@dataclass(frozen=True)
class S3Keys:
    """What requests are signed with."""

    access_key_id: Secret
    secret_access_key: Secret
    session_token: Secret | None = None


@dataclass(frozen=True)
class FolderPlace:
    """A bucket that is a folder; `adopt` says how bytes come from there: copied, or by hard link or reflink."""

    folder: Path
    adopt: str = "copy"


@dataclass(frozen=True)
class S3Place:
    """A bucket, or what lies below `prefix` in one, at an S3 endpoint; the one of AWS's Region without `endpoint`.

    Without `credentials` requests are not signed; "instance" asks the machine's metadata service for some.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = True
    credentials: S3Keys | Literal["instance"] | None = None


@dataclass(frozen=True)
class BucketMapping:
    """A table: the place that a bucket is, and who may use it.

    No `accounts`: the installation's first. No `roles`: any role of such an account.
    """

    name: str
    place: FolderPlace | S3Place
    accounts: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    read_only: bool = False


def bucket_mapping(name: str, table: Mapping[str, Any]) -> BucketMapping:
    """The mapping that a table describes; ValueError says what is wrong with it."""
    if not re.fullmatch(_BUCKET, name):
        raise ValueError("a bucket has a name of 3 to 63 lower-case letters, digits, '-' and '.'")
    accounts, roles = (_list(table.get(what, []), what) for what in _LISTS)
    return BucketMapping(name, _place(table), accounts, roles, _flag(table, "read_only", False))


def _place(table: Mapping[str, Any]) -> FolderPlace | S3Place:
    url = table.get("url")
    scheme = urlsplit(url).scheme if isinstance(url, str) else ""
    if scheme == "s3":
        _check_known(table, (*_ANY, *_S3), "a bucket at an S3 endpoint")
        return _s3_place(table)
    _check_known(table, (*_ANY, "adopt"), "a bucket that is a folder")
    return FolderPlace(_folder(url), _choice(table, "adopt", _ADOPT))


def _check_known(table: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    if unknown := sorted(table.keys() - set(known)):
        raise ValueError(f"there is no {', '.join(unknown)} of {what}; there are {', '.join(known)}")


def _folder(url: Any) -> Path:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise ValueError(f"url is {url!r}; it must be a folder, as file:///path/of/one, or s3://bucket/prefix")
    return Path(unquote(parts.path))


def _s3_place(table: Mapping[str, Any]) -> S3Place:
    url = re.fullmatch(rf"s3://(?P<bucket>{_BUCKET})(/(?P<prefix>.*[^/]))?/?", table["url"], re.DOTALL)
    if url is None or {"", ".", ".."} & set((url["prefix"] or "-").split("/")):
        raise ValueError("url must be s3://bucket or s3://bucket/prefix, without empty, '.' and '..' in between")
    endpoint = _endpoint(table.get("endpoint", ""))
    region = _text(table, "region") or "us-east-1"
    path_style = _flag(table, "path_style", bool(endpoint))
    return S3Place(url["bucket"], url["prefix"] or "", endpoint, region, path_style, _credentials(table))


def _endpoint(endpoint: Any) -> str:
    if not isinstance(endpoint, str) or not re.fullmatch(r"(https?://[A-Za-z0-9._:\[\]-]+/?)?", endpoint):
        raise ValueError("endpoint must be http:// or https:// with a host, and a port if need be, and nothing more")
    return endpoint.rstrip("/")


def _credentials(table: Mapping[str, Any]) -> S3Keys | Literal["instance"] | None:
    key_id, key, token = (_secret(table, name) for name in _SECRETS)
    if (key_id is None) != (key is None) or (token and not key):
        raise ValueError("access_key_id and secret_access_key go together, and session_token goes with them")
    if "credentials" in table:
        _choice(table, "credentials", ("instance",))
        if key:
            raise ValueError("credentials is 'instance'; there can be no keys beside it")
        return "instance"
    return S3Keys(key_id, key, token) if key_id and key else None


def _secret(table: Mapping[str, Any], name: str) -> Secret | None:
    forms = [f"{name}{form}" for form in ("", "_file", "_env")]
    value, file, variable = (_text(table, form) for form in forms)
    if not (value or file or variable):
        return None
    if [value, file, variable].count("") != len(forms) - 1:
        raise ValueError(f"{', '.join(forms)}: one of these, and not several")
    if file and not Path(file).is_absolute():
        raise ValueError(f"{name}_file must be an absolute path")
    return Secret(value, file, variable)


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or (name in table and not value):
        raise ValueError(f"{name} must be text, and not empty")
    return value


def _choice(table: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = table.get(name, choices[0])
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; it must be {' or '.join(map(repr, choices))}")
    return str(value)


def _flag(table: Mapping[str, Any], name: str, default: bool) -> bool:
    value = table.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; it must be true or false")
    return value


def _list(values: Any, what: str) -> tuple[str, ...]:
    check, words = _LISTS[what]
    if not isinstance(values, list) or not all(isinstance(v, str) and re.fullmatch(check, v) for v in values):
        raise ValueError(f"{what} is {values!r}; it must be a list of {words}")
    return tuple(values)


def _from_file(path: str) -> str:
    try:
        secret = Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise ValueError(f"the secret in {path} cannot be read: {getattr(fault, 'strerror', 'no text')}") from None
    if not secret:
        raise ValueError(f"there is no secret in {path}: it is empty")
    return secret


def _from_environment(variable: str) -> str:
    secret = os.environ.get(variable, "")
    if not secret:
        raise ValueError(f"there is no secret in the variable {variable} of the environment: it is not set")
    return secret

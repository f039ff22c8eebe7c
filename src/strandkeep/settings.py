"""Every setting once: its name, default, unit and check.

Environment `STRANDKEEP_<NAME>` over `strandkeep.toml` in the data folder over the default. An unknown name is an
error at the start, so that a misspelt limit is not one that silently does not hold.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from strandkeep.bucket_settings import BucketMapping, FolderPlace, bucket_mapping

_PREFIX = "STRANDKEEP_"
_FILE = "strandkeep.toml"

#: How the default of a number is shown that each profile has its own of.
_PROFILES = "the profile's"

_RATE = r" *[A-Za-z0-9]+ *= *[0-9]{1,9}(\.[0-9]{1,9})? *"


class SettingsError(Exception):
    """A setting that does not exist or cannot be so; the message names it and says what it may be."""


def _setting(default: Any, unit: str, about: str, check: str = "", least: int = 0) -> Any:
    return field(default=default, metadata={"unit": unit, "about": about, "check": check, "least": least})


def _quota(unit: str, about: str) -> Any:
    return _setting(None, unit, f"{about} (402); 0 for no quota.")


@dataclass(frozen=True)
class Settings:
    """How this installation runs; `data_dir` is where it lives."""

    data_dir: Path
    database_url: str = _setting(
        "",
        "SQLAlchemy URL",
        "Where the catalog lives: empty for SQLite in the data folder, or `postgresql://…`.",
    )
    account: str = _setting(
        "",
        "12 digits",
        "The account of the first start; empty for a random one. Fixed afterwards.",
        r"([0-9]{12})?",
    )
    region: str = _setting(
        "us-east-1",
        "Region name",
        "The Region that ARNs name. Fixed at the first start.",
        r"[a-z]{2}(-[a-z]+)+-[0-9]",
    )
    partition: str = _setting("aws", "name", "The partition that ARNs name. Fixed at the first start.", r"aws[a-z-]*")
    upload_expiry_s: int = _setting(7 * 86_400, "seconds", "An upload to which nothing came for so long expires.")
    delete_after_s: int = _setting(
        7 * 86_400, "seconds", "How long after a deletion the bytes stay, and a read set can be brought back."
    )
    orphan_grace_s: int = _setting(
        86_400, "seconds", "Bytes without a row are left alone for so long, and looked for so often."
    )
    sweep_interval_s: int = _setting(
        300, "seconds", "How often expired, deleted and orphaned things are swept.", least=1
    )
    min_free: int = _setting(1 << 30, "bytes", "Room that stays free: below it new parts are refused.")
    stall_s: int = _setting(
        30,
        "seconds",
        "A body of which nothing comes for so long is given up (408), and so is an answer of which nothing is taken.",
        least=1,
    )
    idle_s: int = _setting(
        30, "seconds", "A connection on which no whole head of a request comes for so long is closed.", least=1
    )
    metrics: str = _setting("on", "on or off", "Whether `/metrics` answers whoever reaches the port.", r"on|off")
    log_format: str = _setting("json", "json or text", "A log line is a JSON object, or text for people.", r"json|text")
    log_level: str = _setting(
        "warning",
        "debug, info, warning or error",
        "What is logged: from info on a line for each call, from warning on what went wrong.",
        r"debug|info|warning|error",
    )
    ingest_workers: int = _setting(os.cpu_count() or 1, "jobs", "How many read sets are checked at once.", least=1)
    import_workers: int = _setting(
        (os.cpu_count() or 1) + 1,
        "sources",
        "How many sources of import jobs are imported at once; one account has all of them but one at most.",
        least=1,
    )
    bucket_patience_s: int = _setting(
        6 * 3600,
        "seconds",
        "What a bucket is needed for that has not answered for so long fails; until then it is tried again.",
    )
    qc: str = _setting(
        "on", "on or off", "Whether ingest makes QC facts, which GetReadSetQc and `strandkeep qc` show.", r"on|off"
    )
    provenance_header: str = _setting(
        "off",
        "on or off",
        "Whether ingest adds a comment line (`@CO`) with store and time to the header of BAM, UBAM and CRAM; "
        "off, the bytes stay as they were put.",
        r"on|off",
    )
    connections: int = _setting(
        2048, "connections", "How many clients are connected at once, idle ones included; further ones wait.", least=1
    )
    profile: str = _setting(
        "lab", "`lab` or `aws`", "Whose quotas and rates hold: `lab` has none, `aws` has those of AWS.", r"lab|aws"
    )
    rates: str = _setting(
        "",
        "`Operation=calls, …`",
        "Calls per second and account (429), over the profile's, such as `UploadReadSetPart=10, GetReadSet=0.5`; "
        "0 for no rate.",
        rf"({_RATE}(,{_RATE})*)?",
    )
    quota_sequence_stores: int | None = _quota("stores", "Sequence stores of an account")
    quota_read_sets_per_store: int | None = _quota("read sets", "Read sets of a sequence store")
    quota_open_uploads: int | None = _quota("uploads", "Open uploads of a sequence store")
    quota_file_size: int | None = _quota("bytes", "Size of one file of a read set")
    quota_reference_stores: int | None = _quota("stores", "Reference stores of an account")
    quota_references_per_store: int | None = _quota("references", "References of a reference store")
    quota_reference_size: int | None = _quota("bytes", "Size of the file that a reference is imported from")
    quota_concurrent_import_jobs: int | None = _quota("jobs", "Import jobs of a store that have not ended")
    verify_every_days: int = _setting(
        30, "days", "Stored bytes that nobody has verified for so long are verified, once a day; 0 for never."
    )
    verify_bytes_per_second: int = _setting(
        64 << 20, "bytes per second", "The pace of a verification for which none is given.", least=1 << 20
    )
    buckets: tuple[BucketMapping, ...] = _setting(
        (),
        "tables `[buckets.NAME]`",
        "Places outside that jobs read from and write to, folders or S3, and who may use them; in `strandkeep.toml` "
        "alone. See [map a bucket](../howto/map-a-bucket.md).",
    )
    kill_point: str = _setting(
        "", "name, or name:count", "For tests only: the server kills itself when it reaches this point."
    )


def load_settings(data_dir: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the installation in `data_dir`; SettingsError names the one that is wrong."""
    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    for where, values in (("strandkeep.toml", _from_file(data_dir)), ("the environment", _from(environment))):
        for name, value in values.items():
            given[name] = _checked(name, value, where)
    settings = Settings(data_dir=data_dir, **given)
    _check_apart(settings)
    return settings


def describe() -> list[tuple[str, str, str, str]]:
    """(name, default, unit, what it does) of every setting, for the reference."""
    return [(f.name, _shown(f.default), f.metadata["unit"], f.metadata["about"]) for f in _settable()]


def _shown(default: Any) -> str:
    if default is None:
        return _PROFILES
    return "none" if default == () else str(default)


def _settable() -> list[Any]:
    return [f for f in fields(Settings) if f.name != "data_dir"]


def _from_file(data_dir: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads((data_dir / _FILE).read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise SettingsError(f"{data_dir / _FILE} cannot be read: {fault}") from fault


def _from(environment: Mapping[str, str]) -> Mapping[str, str]:
    given = {name[len(_PREFIX) :].lower(): value for name, value in environment.items() if name.startswith(_PREFIX)}
    # The commands take it as their option --data-dir.
    given.pop("data_dir", None)
    return given


def _checked(name: str, value: Any, where: str) -> Any:
    known = {f.name: f for f in _settable()}
    if name not in known:
        raise SettingsError(f"{where}: there is no setting {name!r}; there are {', '.join(sorted(known))}")
    setting = known[name]
    if name == "buckets":
        return _buckets(value, where)
    if setting.default is None or isinstance(setting.default, int):
        least, unit = setting.metadata["least"], setting.metadata["unit"]
        if not re.fullmatch(r"[0-9]{1,18}", str(value)) or int(value) < least:
            raise SettingsError(f"{where}: {name} is {value!r}; it must be a whole number of {unit}, at least {least}")
        return int(value)
    check = setting.metadata["check"]
    if not isinstance(value, str) or (check and not re.fullmatch(check, value)):
        raise SettingsError(f"{where}: {name} is {value!r}; it must be {setting.metadata['unit']}")
    return value


def _buckets(tables: Any, where: str) -> tuple[BucketMapping, ...]:
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise SettingsError(f"{where}: buckets must be tables such as [buckets.runs]")
    return tuple(_bucket(name, table, f"{where}: [buckets.{name}]") for name, table in tables.items())


def _bucket(name: str, table: Mapping[str, Any], where: str) -> BucketMapping:
    try:
        return bucket_mapping(name, table)
    except ValueError as fault:
        raise SettingsError(f"{where}: {fault}") from fault


def _check_apart(settings: Settings) -> None:
    """A bucket that shows the data folder would show its keys."""
    data = settings.data_dir.resolve()
    for bucket in settings.buckets:
        if not isinstance(bucket.place, FolderPlace):
            continue
        folder = bucket.place.folder.resolve()
        if folder.is_relative_to(data) or data.is_relative_to(folder):
            raise SettingsError(f"{_FILE}: [buckets.{bucket.name}]: {folder} and the data folder {data} overlap")

"""`strandkeep env`: the lines that point boto3 and the AWS CLI at an installation."""

import os
import shlex
import sys
from pathlib import Path

from strandkeep.access.sealing import SealError
from strandkeep.folder import DataFolder
from strandkeep.protocol.models import MODELS
from strandkeep.settings import SettingsError, load_settings

_DEFAULT_URL = "http://127.0.0.1:8000"


def print_environment(data_dir: Path) -> int:
    """Print the lines; the exit status."""
    try:
        lines = environment(data_dir)
    except (SettingsError, SealError, FileNotFoundError) as reason:
        print(f"strandkeep: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    for name, value in lines.items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201
    return 0


def _data_path(given: str) -> str:
    """Where SDKs find our own service model, before what the caller has there already."""
    others = [folder for folder in given.split(os.pathsep) if folder not in ("", str(MODELS))]
    return os.pathsep.join([str(MODELS), *others])


def environment(data_dir: Path) -> dict[str, str]:
    """The variables of an installation's root; FileNotFoundError when it was never started."""
    from strandkeep.access.root_key import read_root_key

    folder = DataFolder(data_dir)
    if not (folder.path / "secret.key").exists():
        raise FileNotFoundError(f"{folder.path} was never served from: run `strandkeep serve --data-dir {data_dir}`")
    key_id, secret, region = read_root_key(load_settings(folder.path))
    url = str(folder.holder().get("url", _DEFAULT_URL))
    return {
        "AWS_ENDPOINT_URL_OMICS": url,
        "AWS_ENDPOINT_URL_STRANDKEEP": url,
        "AWS_DATA_PATH": _data_path(os.environ.get("AWS_DATA_PATH", "")),
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
    }

"""A boto3 client of an installation, for the commands that talk to a running server."""

import os
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from strandkeep.protocol.models import MODELS


class NoInstallation(Exception):
    """Why a data folder is of no use to a client, in words for the person who named it."""


def client(data_dir: Path, service: str) -> Any:
    """A client for `omics` or `strandkeep`: as the environment says if it names an endpoint, else as the root.

    NoInstallation when `data_dir` cannot be read as an installation's.
    """
    config = Config(inject_host_prefix=False, retries={"mode": "standard"})
    session = botocore.session.get_session()
    session.set_config_variable("data_path", str(MODELS))
    sdk: Any = boto3.Session(botocore_session=session)
    if os.environ.get("AWS_ENDPOINT_URL_STRANDKEEP"):
        return sdk.client(service, config=config)
    given = _environment(data_dir)
    return sdk.client(
        service,
        config=config,
        endpoint_url=given["AWS_ENDPOINT_URL_STRANDKEEP"],
        region_name=given["AWS_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
    )


def _environment(data_dir: Path) -> dict[str, str]:
    # What reads a data folder needs the server's parts, which a client need not have.
    from strandkeep.access.sealing import SealError
    from strandkeep.cli.env import environment
    from strandkeep.settings import SettingsError

    try:
        return environment(data_dir)
    except (SettingsError, SealError, FileNotFoundError) as reason:
        raise NoInstallation(str(reason)) from reason

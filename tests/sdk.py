"""boto3 as a user has it who follows `strandkeep env`: it knows our own service model beside AWS's."""

from functools import cache
from typing import Any

import boto3
import botocore.session

from strandkeep.protocol.models import MODELS


@cache
def sdk() -> boto3.Session:
    """A session that finds `strandkeep` as AWS_DATA_PATH would let it; what it has loaded, it keeps."""
    session = botocore.session.get_session()
    session.set_config_variable("data_path", str(MODELS))
    return boto3.Session(botocore_session=session)


def service_of(path: str) -> Any:
    """The service that a path belongs to: what its requests are signed for."""
    return "strandkeep" if path.startswith("/strandkeep/") else "omics"

"""An event as AWS HealthOmics gives it to EventBridge."""

import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Any

#: The space of names from which an event's UUID is made: the same event has the same one wherever it is read.
_NAMES = uuid.UUID("64ca0eda-9751-5c55-841a-1bd50b4fc9b7")

#: Kind of thing → what AWS calls it, and the members of a detail beside those that all have.
_DETAILS = {
    "readSet": ("Read Set", ("sequenceStoreId", "statusMessage", "creationJobId")),
    "sequenceStore": ("Sequence Store", ()),
    "referenceStore": ("Reference Store", ()),
    "reference": ("Reference", ("referenceStoreId", "creationJobId")),
    "readSetImportJob": ("Read Set Import Job", ("sequenceStoreId", "statusMessage")),
    "referenceImportJob": ("Reference Import Job", ("referenceStoreId", "statusMessage")),
}

#: Kinds whose detail has no ARN; the one that an event gives for them is their store's.
_WITHOUT_ARN = ("readSetImportJob", "referenceImportJob")


def as_eventbridge(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The EventBridge form of an event as ListEvents answers it; None for one that EventBridge does not know.

    Known are moves of read sets, references, stores and import jobs, which have no ARN and are told by their store's.
    `account` and `region` are those of the ARN, `time` is in seconds.
    """
    arn: str | None = event.get("resourceArn")
    kind = event["resourceKind"]
    if arn is None or kind not in _DETAILS or event["kind"] != "state":
        return None
    _, _, _, region, account, _ = arn.split(":", 5)
    what, members = _DETAILS[kind]
    detail = {"omicsVersion": "1.0.0", "arn": arn, "id": event["resourceId"], "status": _status(event)}
    detail |= {member: event.get(member) for member in members}
    if kind in _WITHOUT_ARN:
        del detail["arn"]
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMES, f"{account}/{event['id']}")),
        "detail-type": f"{what} Status Change",
        "source": "aws.omics",
        "account": account,
        "time": event["creationTime"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [arn],
        "detail": {name: value for name, value in detail.items() if value is not None},
    }


def _status(event: Mapping[str, Any]) -> str:
    """The state that a thing came to; a store that stayed in its own was changed."""
    return "UPDATED" if event.get("before") == event["after"] == "ACTIVE" else str(event["after"])

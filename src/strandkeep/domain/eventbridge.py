"""An event as AWS HealthOmics gives it to EventBridge."""

import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Any

#: The space of names from which an event's UUID is made: the same event has the same one wherever it is read.
_NAMES = uuid.UUID("64ca0eda-9751-5c55-841a-1bd50b4fc9b7")


def as_eventbridge(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The EventBridge form of an event as ListEvents answers it; None for one that EventBridge does not know.

    Known are moves of read sets and of stores. `account` and `region` are those of the ARN, `time` is in seconds.
    """
    arn: str | None = event.get("resourceArn")
    detail = _detail(event) if event["kind"] == "state" else None
    if arn is None or detail is None:
        return None
    _, _, _, region, account, _ = arn.split(":", 5)
    detail_type = "Read Set Status Change" if event["resourceKind"] == "readSet" else "Sequence Store Status Change"
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMES, f"{account}/{event['id']}")),
        "detail-type": detail_type,
        "source": "aws.omics",
        "account": account,
        "time": event["creationTime"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [arn],
        "detail": {"omicsVersion": "1.0.0", "arn": arn, **{k: v for k, v in detail.items() if v is not None}},
    }


def _detail(event: Mapping[str, Any]) -> dict[str, Any] | None:
    identity = {"id": event["resourceId"], "status": event["after"]}
    if event["resourceKind"] == "readSet":
        more = {"statusMessage": event.get("statusMessage"), "creationJobId": event.get("creationJobId")}
        return {"sequenceStoreId": event.get("sequenceStoreId"), **identity, **more}
    if event["resourceKind"] == "sequenceStore":
        changed = event.get("before") == event["after"]
        return {**identity, "status": "UPDATED"} if changed else identity
    return None

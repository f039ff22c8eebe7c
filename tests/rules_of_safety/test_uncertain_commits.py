"""Rule 2: once COMMIT has been sent nothing removes the bytes but the sweep, for they may count."""

import pytest
from botocore.exceptions import ClientError

from tests.faults.calls import CONTENT, checksum
from tests.faults.database import LOST_AFTER_COMMIT


def test_rule_2_the_bytes_of_a_part_stay_when_the_answer_to_its_commit_is_lost(world, failing):
    upload, (_, database) = world.upload(), failing
    part = {"partSource": "SOURCE1", "partNumber": 2}
    world.client.list_read_set_upload_parts(**upload, partSource="SOURCE1")  # its key is known from now on
    database.fail(LOST_AFTER_COMMIT, 2 if _reads_end_by_commit(world) else 1)
    with pytest.raises(ClientError, match="InternalServerException"):
        world.client.upload_read_set_part(**upload, **part, payload=CONTENT)
    database.heal()
    (listed,) = [
        found
        for found in world.client.list_read_set_upload_parts(**upload, partSource="SOURCE1")["parts"]
        if found["partNumber"] == 2
    ]
    assert listed["checksum"] == checksum(CONTENT)
    world.whole.check_swept()
    done = world.client.complete_multipart_read_set_upload(**upload, parts=[{**part, "checksum": checksum(CONTENT)}])
    read_set = {"sequenceStoreId": upload["sequenceStoreId"], "id": done["readSetId"]}
    assert world.client.get_read_set(**read_set, partNumber=1)["payload"].read() == CONTENT


def _reads_end_by_commit(world) -> bool:
    """On SQLite the read that admits the part ends with a COMMIT of its own."""
    return not world.served.house.settings.database_url.startswith("postgresql")

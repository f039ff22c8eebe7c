"""Which bucket a name means, and who may use it."""

from pathlib import Path

import pytest

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from strandkeep.buckets import BucketError, Buckets

FIRST, OTHER = "111111111111", "222222222222"
ROLE = "arn:aws:iam::111111111111:role/importer"
OTHERS_ROLE = "arn:aws:iam::222222222222:role/importer"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with one file."""
    made = tmp_path / "bucket"
    made.mkdir()
    (made / "key").write_bytes(b"content")
    return made


def allowed(folder, account, role, **mapping):
    buckets = Buckets([BucketMapping("runs", FolderPlace(folder), **mapping)], FIRST)
    try:
        with buckets.open("s3://runs/key", account, role) as found:
            return b"".join(found.chunks()) == b"content"
    except BucketError as refusal:
        return "No bucket of this name is mapped for this account and role" not in str(refusal)


@pytest.mark.parametrize(
    ("mapping", "account", "role", "expected"),
    [
        ({}, FIRST, ROLE, True),
        ({}, FIRST, "arn:aws-cn:iam::111111111111:role/path/of/another", True),
        ({}, FIRST, OTHERS_ROLE, False),
        ({}, FIRST, "arn:aws:iam::111111111111:user/importer", False),
        ({}, FIRST, "arn:aws:iam::111111111111:role/", False),
        ({}, OTHER, OTHERS_ROLE, False),
        ({}, OTHER, ROLE, False),
        ({"accounts": (OTHER,)}, OTHER, OTHERS_ROLE, True),
        ({"accounts": (OTHER,)}, FIRST, ROLE, False),
        ({"accounts": (FIRST, OTHER)}, OTHER, OTHERS_ROLE, True),
        ({"accounts": (FIRST, OTHER)}, OTHER, ROLE, False),
        ({"roles": (ROLE,)}, FIRST, ROLE, True),
        ({"roles": (ROLE,)}, FIRST, ROLE + "2", False),
        ({"roles": (OTHERS_ROLE,)}, FIRST, OTHERS_ROLE, True),
        ({"roles": (ROLE,)}, OTHER, ROLE, False),
    ],
)
def test_a_mapping_is_for_its_accounts_and_roles(folder, mapping, account, role, expected):
    assert allowed(folder, account, role, **mapping) is expected


@pytest.mark.parametrize("uri", ["s3://other/key", "s3://runs", "s3://runs/", "file:///etc/passwd", "", "runs/key"])
def test_any_other_name_is_not_mapped(folder, uri):
    with (
        pytest.raises(BucketError, match="is mapped"),
        Buckets([BucketMapping("runs", FolderPlace(folder))], FIRST).open(uri, FIRST, ROLE),
    ):
        pass


@pytest.mark.parametrize(
    ("mapping", "account", "expected"),
    [
        ({}, FIRST, True),
        ({}, OTHER, False),
        ({"accounts": (OTHER,)}, OTHER, True),
        ({"accounts": (OTHER,)}, FIRST, False),
        ({"roles": (ROLE,)}, FIRST, False),
    ],
)
def test_the_service_itself_writes_where_no_role_is_asked_for(folder, mapping, account, expected):
    buckets = Buckets([BucketMapping("runs", FolderPlace(folder), **mapping)], FIRST)
    try:
        buckets.put("s3://runs/new", account, [b"by the service"], 14)
        written = buckets.size_of("s3://runs/new", account) == 14
    except BucketError as refusal:
        written = "is mapped for this account and role" not in str(refusal)
    assert written is (folder / "new").exists() is expected


@pytest.mark.parametrize(
    "attempt",
    [
        lambda buckets, uri, account, role: buckets.open(uri, account, role),
        lambda buckets, uri, account, role: buckets.size_of(uri, account, role),
        lambda buckets, uri, account, role: buckets.size_of(uri, account),
        lambda buckets, uri, account, role: buckets.put(uri, account, [], 0, role),
        lambda buckets, uri, account, role: buckets.put(uri, account, [], 0),
    ],
)
def test_what_is_not_mapped_and_what_others_may_use_is_told_alike(folder, attempt):
    buckets = Buckets([BucketMapping("runs", FolderPlace(folder), read_only=True)], FIRST)
    told = set()
    for uri, account, role in (("s3://runs/key", OTHER, OTHERS_ROLE), ("s3://none/key", FIRST, ROLE)):
        with pytest.raises(BucketError) as refusal:
            attempt(buckets, uri, account, role)
        told.add(str(refusal.value))
    assert len(told) == 1

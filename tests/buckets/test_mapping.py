"""Which bucket a name means, and who may use it."""

from pathlib import Path

import pytest

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from strandkeep.buckets import BucketError, Buckets
from strandkeep.settings import SettingsError, load_settings

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


def load(data_dir, toml):
    (data_dir / "strandkeep.toml").write_text(toml)
    return load_settings(data_dir, {}).buckets


def test_mappings_are_read_from_the_file(tmp_path):
    toml = f"""
        [buckets.runs]
        url = "file:///mnt/all%20runs"
        [buckets."my.lab-2"]
        url = "file:///mnt/lab"
        accounts = ["{FIRST}", "{OTHER}"]
        roles = ["{ROLE}"]
    """
    assert load(tmp_path, toml) == (
        BucketMapping("runs", FolderPlace(Path("/mnt/all runs"))),
        BucketMapping("my.lab-2", FolderPlace(Path("/mnt/lab")), (FIRST, OTHER), (ROLE,)),
    )


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("buckets = 'x'", "must be tables such as"),
        ("[buckets]\nruns = 'file:///x'", "must be tables such as"),
        ("[buckets.Runs]\nurl = 'file:///x'", r"\[buckets.Runs\]: a bucket has a name of 3 to 63"),
        ("[buckets.ab]\nurl = 'file:///x'", "a bucket has a name"),
        ("[buckets.runs]", "url is None; it must be a folder"),
        ("[buckets.runs]\nurl = 5", "url is 5"),
        ("[buckets.runs]\nurl = '/mnt/runs'", "it must be a folder, as file:///path/of/one"),
        ("[buckets.runs]\nurl = 'file://host/x'", "it must be a folder"),
        ("[buckets.runs]\nurl = 'file:relative'", "it must be a folder"),
        ("[buckets.runs]\nurl = 's3://lab/a/../b'", "url must be s3://bucket or s3://bucket/prefix"),
        ("[buckets.runs]\nurl = 'file:///x'\nendpoint = 'y'", "there is no endpoint of a bucket"),
        ("[buckets.runs]\nurl = 'file:///x'\naccounts = '111111111111'", "accounts is '111111111111'"),
        ("[buckets.runs]\nurl = 'file:///x'\naccounts = ['1']", "a list of accounts of 12 digits"),
        ("[buckets.runs]\nurl = 'file:///x'\nroles = ['importer']", "a list of ARNs of roles"),
        ("[buckets.runs]\nurl = 'file:///x'\nroles = [1]", "a list of ARNs of roles"),
    ],
)
def test_a_mapping_that_cannot_be_is_an_error_that_says_so(tmp_path, toml, says):
    with pytest.raises(SettingsError, match=says):
        load(tmp_path, toml)


def test_a_bucket_that_would_show_the_data_folder_is_an_error(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (tmp_path / "link").symlink_to(data_dir)
    for folder in (tmp_path, data_dir, data_dir / "blobs", tmp_path / "link", Path("/")):
        with pytest.raises(SettingsError, match="overlap"):
            load(data_dir, f"[buckets.runs]\nurl = 'file://{folder}'")
    assert load(data_dir, f"[buckets.runs]\nurl = 'file://{tmp_path / 'data2'}'")


def test_a_mapping_is_not_read_from_the_environment(tmp_path):
    with pytest.raises(SettingsError, match="must be tables such as"):
        load_settings(tmp_path, {"STRANDKEEP_BUCKETS": "x"})

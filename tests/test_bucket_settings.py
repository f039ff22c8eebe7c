"""The tables of buckets in `strandkeep.toml`: what they may say, and where their secrets are."""

from pathlib import Path

import pytest

from strandkeep.bucket_settings import BucketMapping, FolderPlace, S3Keys, S3Place, Secret
from strandkeep.settings import SettingsError, load_settings
from tests.server import DidNotStart, start_server

FIRST, OTHER = "111111111111", "222222222222"
ROLE = "arn:aws:iam::111111111111:role/importer"
KEYS = S3Keys(Secret("the id"), Secret(file="/etc/lab.secret"), Secret(variable="LAB_TOKEN"))
KEYED = "[buckets.runs]\nurl = 's3://lab'\naccess_key_id = 'x'\nsecret_access_key = 'y'\n"


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
        read_only = true
        adopt = "link"
        [buckets.lab]
        url = "s3://lab/deep/prefix/"
        endpoint = "http://127.0.0.1:8333/"
        region = "garage"
        access_key_id = "the id"
        secret_access_key_file = "/etc/lab.secret"
        session_token_env = "LAB_TOKEN"
        [buckets.archive]
        url = "s3://archive-1"
        region = "eu-central-1"
        credentials = "instance"
        [buckets.public]
        url = "s3://public/"
        endpoint = "https://s3.lab.example"
        path_style = false
    """
    assert load(tmp_path, toml) == (
        BucketMapping("runs", FolderPlace(Path("/mnt/all runs"))),
        BucketMapping("my.lab-2", FolderPlace(Path("/mnt/lab"), "link"), (FIRST, OTHER), (ROLE,), read_only=True),
        BucketMapping("lab", S3Place("lab", "deep/prefix", "http://127.0.0.1:8333", "garage", credentials=KEYS)),
        BucketMapping("archive", S3Place("archive-1", region="eu-central-1", path_style=False, credentials="instance")),
        BucketMapping("public", S3Place("public", endpoint="https://s3.lab.example", path_style=False)),
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
        ("[buckets.runs]\nurl = 'file:///x'\nendpoint = 'y'", "there is no endpoint of a bucket that is a folder"),
        (
            "[buckets.runs]\nurl = 'file:///x'\nadopt = 'move'",
            "it must be 'copy' or 'link' or 'clone'",
        ),
        ("[buckets.runs]\nurl = 'file:///x'\nread_only = 'yes'", "read_only is 'yes'; it must be true or false"),
        ("[buckets.runs]\nurl = 's3://lab'\nadopt = 'link'", "there is no adopt of a bucket at an S3 endpoint"),
        ("[buckets.runs]\nurl = 's3://'", "url must be s3://bucket"),
        ("[buckets.runs]\nurl = 's3://Lab'", "url must be s3://bucket"),
        ("[buckets.runs]\nurl = 's3://lab//x'", "without empty"),
        ("[buckets.runs]\nurl = 's3://lab'\nendpoint = 'lab:9000'", "endpoint must be http:// or https://"),
        ("[buckets.runs]\nurl = 's3://lab'\nendpoint = 'http://a/b'", "endpoint must be http:// or https://"),
        ("[buckets.runs]\nurl = 's3://lab'\nregion = ''", "region must be text, and not empty"),
        ("[buckets.runs]\nurl = 's3://lab'\npath_style = 1", "path_style is 1; it must be true or false"),
        (
            "[buckets.runs]\nurl = 's3://lab'\ncredentials = 'profile'",
            "it must be 'instance'",
        ),
        ("[buckets.runs]\nurl = 's3://lab'\naccess_key_id = 'x'", "access_key_id and secret_access_key go together"),
        ("[buckets.runs]\nurl = 's3://lab'\nsession_token = 'x'", "session_token goes with them"),
        (f"{KEYED}credentials = 'instance'", "there can be no keys beside it"),
        (f"{KEYED}session_token_env = 'A'\nsession_token_file = '/b'", "one of these, and not several"),
        (f"{KEYED}session_token_file = 'secret'", "session_token_file must be an absolute path"),
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


#: Tables that are wrong, each with a secret in it.
WRONG = [
    "[buckets]\nruns = 'x'\nlab = { secret_access_key = 'S3CRET' }",
    "[buckets.runs]\nurl = 's3://lab'\nsecret_access_key = 'S3CRET'",
    "[buckets.runs]\nurl = 's3://key:S3CRET@lab'",
    "[buckets.runs]\nurl = 's3://lab'\nendpoint = 'http://key:S3CRET@host'",
    "[buckets.runs]\nurl = 's3://lab'\nsecret_access_key = ['S3CRET']",
    "[buckets.runs]\nurl = 's3://lab'\nsecret_access_key = 'S3CRET'\nsecret_access_key_env = 'A'",
    "[buckets.runs]\nurl = 's3://lab'\nsecret_key = 'S3CRET'",
    "[buckets.runs]\nurl = 'file:///x'\nsecret_access_key = 'S3CRET'",
]


@pytest.mark.parametrize("toml", WRONG)
def test_no_error_shows_a_secret(tmp_path, toml):
    with pytest.raises(SettingsError) as fault:
        load(tmp_path, toml)
    assert "S3CRET" not in str(fault.value)


def test_settings_do_not_show_a_secret(tmp_path):
    assert "S3CRET" not in repr(load(tmp_path, KEYED.replace("'y'", "'S3CRET'")))


@pytest.mark.parametrize("content", ["secret", "secret\n", "secret\r\n"])
def test_a_secret_is_read_from_a_file_without_its_last_newline(tmp_path, content):
    (tmp_path / "secret").write_bytes(content.encode())
    assert Secret(file=str(tmp_path / "secret")).read() == "secret"


def test_a_secret_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("LAB_SECRET", "secret")
    assert Secret(variable="LAB_SECRET").read() == "secret"


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (Secret(file="/nowhere/secret"), "the secret in /nowhere/secret cannot be read: No such file or directory"),
        (Secret(file="/dev/null"), "there is no secret in /dev/null: it is empty"),
        (Secret(variable="NOT_SET"), "no secret in the variable NOT_SET of the environment"),
    ],
)
def test_a_secret_that_is_not_there_is_told(secret, says):
    with pytest.raises(ValueError, match=says):
        secret.read()


def test_a_server_whose_bucket_has_no_secret_does_not_start_and_says_why(data_dir, capfd):
    data_dir.mkdir()
    toml = "[buckets.runs]\nurl = 's3://lab'\naccess_key_id = 'x'\nsecret_access_key_file = '/nowhere/secret'\n"
    (data_dir / "strandkeep.toml").write_text(toml)
    with pytest.raises(DidNotStart), start_server(data_dir):
        pass
    assert "the secret in /nowhere/secret cannot be read" in capfd.readouterr().err

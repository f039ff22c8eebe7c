"""Settings: environment over file over default, and nothing that is not known."""

import pytest

from strandkeep.domain.quotas import QUOTAS
from strandkeep.settings import Settings, SettingsError, describe, load_settings


def load(folder, toml="", **environment):
    (folder / "strandkeep.toml").write_text(toml)
    return load_settings(folder, environment)


def test_without_file_and_environment_the_defaults_hold(tmp_path):
    assert load_settings(tmp_path, {}) == Settings(data_dir=tmp_path)
    assert load_settings(tmp_path / "not there yet", {}).region == "us-east-1"


def test_the_environment_goes_over_the_file_and_the_file_over_the_default(tmp_path):
    toml = 'region = "eu-west-1"\nmin_free = 5\nstall_s = 7\n'
    settings = load(tmp_path, toml, STRANDKEEP_MIN_FREE="6")
    assert (settings.region, settings.min_free, settings.stall_s) == ("eu-west-1", 6, 7)
    assert settings.sweep_interval_s == 300


def test_other_variables_of_the_environment_do_not_matter(tmp_path):
    assert load(tmp_path, HOME="/root", STRANDKEEPER="x", AWS_REGION="x") == Settings(data_dir=tmp_path)


@pytest.mark.parametrize("name", ["MIN_FRE", "", "_MIN_FREE", "NO_SUCH"])
def test_an_unknown_name_in_the_environment_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(SettingsError, match=f"the environment: there is no setting '{name.lower()}'"):
        load(tmp_path, **{"STRANDKEEP_" + name: "1"})


@pytest.mark.parametrize("toml", ["min_fre = 1", 'data_dir = "/x"', "[section]\nx = 1", "Region = 'us-east-1'"])
def test_an_unknown_name_in_the_file_is_an_error_that_names_the_file(tmp_path, toml):
    with pytest.raises(SettingsError, match=r"strandkeep\.toml: there is no setting"):
        load(tmp_path, toml)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e3", "ten", " 1", "1 ", "1_000", "٣", "9" * 19])
def test_a_number_that_is_none_is_an_error(tmp_path, value):
    with pytest.raises(SettingsError, match=r"min_free is .* whole number"):
        load(tmp_path, STRANDKEEP_MIN_FREE=value)


@pytest.mark.parametrize("toml", ["min_free = -1", "min_free = true", "min_free = 1.5", "min_free = [1]", "region = 5"])
def test_a_value_of_another_type_in_the_file_is_an_error(tmp_path, toml):
    with pytest.raises(SettingsError, match="must be"):
        load(tmp_path, toml)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ACCOUNT", ["", "123456789012"], ["12345678901", "1234567890123", "12345678901a", "123456789012\n"]),
        ("REGION", ["us-east-1", "us-gov-west-1", "ap-southeast-2"], ["", "us", "US-EAST-1", "us-east-1 ", "a/b"]),
        ("PROFILE", ["lab", "aws"], ["", "AWS", "other"]),
        ("PARTITION", ["aws", "aws-cn", "aws-us-gov"], ["", "azure", "aws cn", "AWS"]),
    ],
)
def test_a_word_has_its_form(tmp_path, name, good, bad):
    for value in good:
        assert getattr(load(tmp_path, **{"STRANDKEEP_" + name: value}), name.lower()) == value
    for value in bad:
        with pytest.raises(SettingsError, match=f"{name.lower()} is"):
            load(tmp_path, **{"STRANDKEEP_" + name: value})


def test_a_quota_is_the_profiles_until_it_is_set(tmp_path):
    assert load(tmp_path).quota_sequence_stores is None
    assert load(tmp_path, "quota_sequence_stores = 5").quota_sequence_stores == 5
    assert load(tmp_path, STRANDKEEP_QUOTA_FILE_SIZE="0").quota_file_size == 0
    with pytest.raises(SettingsError, match=r"quota_file_size is '1 GB'; it must be a whole number of bytes"):
        load(tmp_path, STRANDKEEP_QUOTA_FILE_SIZE="1 GB")


def test_each_quota_has_its_setting():
    names = {name for name, *_ in describe() if name.startswith("quota_")}
    assert names == {f"quota_{name}" for name in QUOTAS}


@pytest.mark.parametrize("rates", ["", "GetReadSet=30", "GetReadSet=0.5, UploadReadSetPart = 10", "X=0"])
def test_rates_have_a_form(tmp_path, rates):
    assert load(tmp_path, STRANDKEEP_RATES=rates).rates == rates


@pytest.mark.parametrize("rates", ["GetReadSet", "GetReadSet=", "=1", "A=-1", "A=1e3", "A=1 B=2", "A=1;B=2", "A=1,"])
def test_rates_of_another_form_are_an_error_that_shows_it(tmp_path, rates):
    with pytest.raises(SettingsError, match=r"rates is .*Operation=calls"):
        load(tmp_path, STRANDKEEP_RATES=rates)


@pytest.mark.parametrize("content", [b"not toml", b"region = ", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "strandkeep.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"strandkeep\.toml cannot be read"):
        load_settings(tmp_path, {})


def test_every_setting_is_described_with_its_unit():
    described = describe()
    assert {name for name, *_ in described} == {f for f in Settings.__dataclass_fields__ if f != "data_dir"}
    assert all(unit and about.endswith(".") for _, _, unit, about in described)

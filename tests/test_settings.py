"""Settings: environment over file over default, and nothing that is not known."""

import pytest

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
        ("PARTITION", ["aws", "aws-cn", "aws-us-gov"], ["", "azure", "aws cn", "AWS"]),
    ],
)
def test_what_stands_in_arns_has_their_form(tmp_path, name, good, bad):
    for value in good:
        assert getattr(load(tmp_path, **{"STRANDKEEP_" + name: value}), name.lower()) == value
    for value in bad:
        with pytest.raises(SettingsError, match=f"{name.lower()} is"):
            load(tmp_path, **{"STRANDKEEP_" + name: value})


@pytest.mark.parametrize("content", [b"not toml", b"region = ", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "strandkeep.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"strandkeep\.toml cannot be read"):
        load_settings(tmp_path, {})


def test_every_setting_is_described_with_its_unit():
    described = describe()
    assert {name for name, *_ in described} == {f for f in Settings.__dataclass_fields__ if f != "data_dir"}
    assert all(unit and about.endswith(".") for _, _, unit, about in described)

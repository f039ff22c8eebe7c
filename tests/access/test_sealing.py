"""Secrets sealed under a key that lies outside the database."""

import stat

import pytest

from strandkeep.access.sealing import SealError, open_sealer


def test_a_sealed_secret_opens_for_its_own_name_alone(tmp_path):
    sealer = open_sealer(tmp_path / "secret.key")
    sealed = sealer.seal("AKIA1", "secret")
    assert b"secret" not in sealed
    assert sealer.open("AKIA1", sealed) == "secret"
    assert sealer.seal("AKIA1", "secret") != sealed
    for name, altered in (("AKIA2", sealed), ("AKIA1", sealed[:-1] + bytes([sealed[-1] ^ 1])), ("AKIA1", sealed[:20])):
        with pytest.raises(SealError, match=f"access key {name}"):
            sealer.open(name, altered)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    sealed = open_sealer(tmp_path / "secret.key").seal("a", "secret")
    assert open_sealer(tmp_path / "secret.key").open("a", sealed) == "secret"
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_another_key_opens_nothing(tmp_path):
    sealed = open_sealer(tmp_path / "a.key").seal("a", "secret")
    with pytest.raises(SealError, match=r"restore the secret\.key"):
        open_sealer(tmp_path / "b.key").open("a", sealed)


def test_what_a_first_start_that_was_killed_left_does_not_keep_the_next_from_starting(tmp_path):
    """Law 1: never a half state that a person must mend."""
    (tmp_path / "secret.new").write_bytes(b"half a k")
    sealer = open_sealer(tmp_path / "secret.key")
    assert sealer.open("a", sealer.seal("a", "secret")) == "secret"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]

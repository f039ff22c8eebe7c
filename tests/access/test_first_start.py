"""The first start, and every one after it."""

import dataclasses
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from strandkeep.access.first_start import new_access_key, open_installation
from strandkeep.access.root_key import read_root_key
from strandkeep.catalog import accounts, tables
from strandkeep.settings import Settings, SettingsError
from tests.postgres import new_database


def test_the_first_start_makes_an_account_and_its_root_key(made):
    assert re.fullmatch(r"[1-9][0-9]{11}", made.installation.account)
    assert (made.installation.region, made.installation.partition) == ("us-east-1", "aws")
    row = made.catalog.read(lambda r: accounts.first_access_key(r, made.installation.root_arn()))
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", row.id)
    assert len(made.sealer.open(row.id, row.secret)) == 40
    assert len(made.paging_key) == 32


def test_a_later_start_finds_the_same_installation(made):
    again = open_installation(made.catalog, made.sealer, made.settings, lambda: False)
    assert again == (made.installation, made.paging_key)
    assert len(made.catalog.read(lambda r: r.all(tables.access_key.select()))) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("account", "000000000001"), ("region", "eu-west-1"), ("partition", "aws-cn")]
)
def test_what_was_fixed_at_the_first_start_cannot_be_changed(made, name, value):
    with pytest.raises(SettingsError, match=f"{name} is '{value}', but this installation was made with"):
        open_installation(made.catalog, made.sealer, dataclasses.replace(made.settings, **{name: value}), lambda: False)


def test_many_first_starts_at_once_make_one_installation(made):
    made.catalog.write(
        lambda tx: [tx.run(t.delete()) for t in (tables.access_key, tables.account, tables.installation)]
    )
    gate = threading.Barrier(8)

    def one(_n):
        gate.wait()
        return open_installation(made.catalog, made.sealer, made.settings, lambda: False)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(one, range(8)))) == 1
    assert len(made.catalog.read(lambda r: r.all(tables.access_key.select()))) == 1


def test_new_access_keys_differ():
    assert len({new_access_key() for _ in range(100)}) == 100


def test_the_root_key_can_be_read_beside_a_running_server(made):
    row = made.catalog.read(lambda r: accounts.first_access_key(r, made.installation.root_arn()))
    assert read_root_key(made.settings) == (row.id, made.sealer.open(row.id, row.secret), "us-east-1")


def test_reading_the_root_key_of_a_folder_without_a_catalog_says_that_it_cannot_be_read(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_root_key(Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_reading_the_root_key_of_a_database_without_tables_is_an_error_in_words(tmp_path, postgres):
    with pytest.raises(SettingsError):
        read_root_key(Settings(data_dir=tmp_path, database_url=new_database(postgres)))


def test_reading_the_root_key_before_the_first_start_has_ended_says_so(made):
    made.catalog.write(
        lambda tx: [tx.run(t.delete()) for t in (tables.access_key, tables.account, tables.installation)]
    )
    with pytest.raises(SettingsError, match="strandkeep serve"):
        read_root_key(made.settings)

"""The report of a soak: counters add up by kind, seeds are named, and a seed can be given again."""

import pytest

from tests.soak import SoakReport, soak_seeds


def test_counters_add_up_by_kind_and_zeros_show():
    report = SoakReport()
    report.add("kills", 1, rounds=10, bytes_lost=0)
    report.add("flips", 7, made=3, found=3)
    report.add("kills", 2, rounds=1990, bytes_lost=0)
    report.add("kills", 2, rounds=1)
    flips = ["flips", "  made: 3", "  found: 3", "  seeds: 7"]
    assert report.lines() == [*flips, "kills", "  rounds: 2,001", "  bytes lost: 0", "  seeds: 1, 2"]


def test_a_run_without_soak_tests_has_no_report():
    assert SoakReport().lines() == []


@pytest.mark.parametrize(
    ("given", "seeds"), [(None, [1, 2, 3]), ("", [1, 2, 3]), ("17", [17]), ("17,40-42", [17, 40, 41, 42])]
)
def test_a_seed_can_be_given_again(monkeypatch, given, seeds):
    monkeypatch.delenv("SOAK_SEEDS", raising=False)
    if given is not None:
        monkeypatch.setenv("SOAK_SEEDS", given)
    assert soak_seeds("1-3") == seeds

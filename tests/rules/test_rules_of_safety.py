"""Each rule of safety has tests that bear its number, where the documentation says that they are."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "explanation" / "rules-of-safety.md").read_text()
RULES = {int(number): text for number, text in re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", PAGE, re.M | re.S)}


def test_there_are_twelve_rules() -> None:
    assert list(RULES) == list(range(1, 13))


@pytest.mark.parametrize("number", RULES)
def test_a_rule_has_tests_of_its_number_where_it_says(number: int) -> None:
    files = re.findall(r"`(tests/[\w/]+\.py)`", RULES[number])
    assert files
    without = [file for file in files if f"def test_rule_{number}_" not in (REPOSITORY / file).read_text()]
    assert without == []

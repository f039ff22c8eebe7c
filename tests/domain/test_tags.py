"""What a tag may be."""

import pytest

from strandkeep.domain.tags import check_tag_key, check_tags, system_tags
from strandkeep.errors import ValidationException

FIFTY = {f"k{n}": "" for n in range(50)}


@pytest.mark.parametrize("text", ["plain", "Ünï çödé", "数据", "a_.:/=+-@z 9", "٣", "\u00a0", "\u3000"])
def test_letters_digits_blanks_and_some_signs_may_stand_in_keys_and_values(text):
    check_tags({text: text})


@pytest.mark.parametrize("text", ["a#b", "a*", "a\tb", "a\nb", "a\x00b", "ab\u200b", "emoji 😀", "a,b", "<a>", "a\n"])
def test_other_characters_are_refused_in_keys_and_in_values(text):
    with pytest.raises(ValidationException, match="tags"):
        check_tags({text: "v"})
    with pytest.raises(ValidationException, match=r"tags\.k"):
        check_tags({"k": text})


@pytest.mark.parametrize("key", ["aws:x", "AWS:x", "aWs:", "aws:omics:subjectId"])
def test_keys_that_begin_with_aws_are_refused(key):
    with pytest.raises(ValidationException, match="reserved"):
        check_tag_key(key)
    with pytest.raises(ValidationException, match="reserved"):
        check_tags({key: "v"})


def test_aws_may_stand_elsewhere_in_a_key_and_in_a_value():
    check_tags({"awsome": "aws:x", "my:aws:key": "v"})


def test_fifty_tags_may_be_on_a_resource_and_no_more():
    check_tags(FIFTY)
    check_tags({"k0": "again"}, FIFTY)
    with pytest.raises(ValidationException, match="51 tags"):
        check_tags({"one more": ""}, FIFTY)
    with pytest.raises(ValidationException, match="51 tags"):
        check_tags({**FIFTY, "one more": ""})


def test_system_tags_tell_subject_and_sample():
    assert system_tags("s", "p") == {"aws:omics:subjectId": "s", "aws:omics:sampleId": "p"}

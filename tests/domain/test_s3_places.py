import re

from strandkeep.domain.s3_places import StorePlace

PLACE = StorePlace("123456789012", "1234567890123456", b"a key")


def test_an_alias_is_a_bucket_name_that_begins_with_the_access_point():
    assert re.fullmatch(r"123456789012-1234567890123456-[0-9a-z]{25}-s3alias", PLACE.alias)
    assert len(PLACE.alias) == 63


def test_an_alias_stays_and_is_another_for_each_store_account_and_installation():
    others = [
        StorePlace("123456789012", "1234567890123457", b"a key"),
        StorePlace("123456789013", "1234567890123456", b"a key"),
        StorePlace("123456789012", "1234567890123456", b"another"),
    ]
    random = {place.alias[30:55] for place in (PLACE, *others)}
    assert len(random) == 4
    assert PLACE.alias == StorePlace("123456789012", "1234567890123456", b"a key").alias


def test_a_file_lies_below_its_read_set_by_its_name():
    assert PLACE.file_uri("9876543210987654", "a b+ü.bam") == (
        f"s3://{PLACE.alias}/123456789012/sequenceStore/1234567890123456/readSet/9876543210987654/a b+ü.bam"
    )

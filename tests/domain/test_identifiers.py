"""Ids and ARNs."""

import pytest

from strandkeep.domain.identifiers import Installation, StoredResource, is_id, new_id
from strandkeep.errors import ResourceNotFoundException

HERE = Installation("123456789012", "us-east-1", "aws")
STORE, READ_SET = "1234567890123456", "6543210987654321"
STORE_ARN = f"arn:aws:omics:us-east-1:123456789012:sequenceStore/{STORE}"


def test_new_ids_have_sixteen_digits_and_never_begin_with_zero():
    made = {new_id() for _ in range(1000)}

    assert len(made) == 1000
    assert all(len(i) == 16 and i.isascii() and i.isdigit() and i[0] != "0" for i in made)
    assert all(map(is_id, made))


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "123456789012345", "12345678901234567", "0123456789012345", "1" * 36, "12345678901234a6"),
        *("\u0661234567890123456", STORE + "\n", " " + STORE[1:], "-234567890123456"),
    ],
)
def test_an_id_of_another_form_was_never_made_here(text):
    assert not is_id(text)


def test_arns_are_made_as_healthomics_writes_them():
    assert HERE.sequence_store_arn(STORE) == STORE_ARN
    assert HERE.read_set_arn(STORE, READ_SET) == f"{STORE_ARN}/readSet/{READ_SET}"
    assert HERE.reference_store_arn(STORE) == STORE_ARN.replace("sequenceStore", "referenceStore")
    assert HERE.reference_arn(STORE, READ_SET) == f"{HERE.reference_store_arn(STORE)}/reference/{READ_SET}"
    assert HERE.root_arn() == "arn:aws:iam::123456789012:root"


def test_an_arn_is_read_back_as_what_it_was_made_of():
    assert HERE.parse_arn(HERE.sequence_store_arn(STORE)) == StoredResource("sequenceStore", STORE, STORE)
    assert HERE.parse_arn(HERE.read_set_arn(STORE, READ_SET)) == StoredResource("readSet", STORE, READ_SET)
    assert HERE.parse_arn(HERE.reference_store_arn(STORE)) == StoredResource("referenceStore", STORE, STORE)
    assert HERE.parse_arn(HERE.reference_arn(STORE, READ_SET)) == StoredResource("reference", STORE, READ_SET)


@pytest.mark.parametrize(
    "arn",
    [
        STORE_ARN.replace("123456789012", "210987654321"),
        STORE_ARN.replace("us-east-1", "eu-west-1"),
        STORE_ARN.replace("arn:aws:", "arn:aws-cn:"),
        STORE_ARN.replace("omics", "s3"),
        STORE_ARN.replace("sequenceStore", "sequencestore"),
        STORE_ARN.replace("sequenceStore", "referenceStore") + "/readSet/" + READ_SET,
        STORE_ARN + "/reference/" + READ_SET,
        STORE_ARN.replace("sequenceStore", "referencestore"),
        STORE_ARN + "/",
        STORE_ARN + "\n",
        STORE_ARN + "/readset/" + READ_SET,
        STORE_ARN + "/readSet/",
        STORE_ARN + "/readSet/" + READ_SET + "/more",
        "x" + STORE_ARN,
        "arn:aws:omics:us-east-1:123456789012:sequenceStore/abc",
        "",
        "*",
    ],
)
def test_an_arn_of_another_place_or_form_is_not_found(arn):
    with pytest.raises(ResourceNotFoundException, match="resourceArn"):
        HERE.parse_arn(arn)

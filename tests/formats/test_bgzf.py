"""BGZF in, text out: no more of it is made than a block may hold."""

import tracemalloc
import zlib

import pytest

from strandkeep.formats import bgzf
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes

from .bgzf_files import END, around, block


def deflated(text: bytes) -> bytes:
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    return squeeze.compress(text) + squeeze.flush()


def texts(stored: bytes) -> list[bytes]:
    return [found.text for found in bgzf.blocks(StoredBytes(iter([stored])))]


def refusal(stored: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        texts(stored)
    return refused.value


@pytest.mark.parametrize("length", [0, 1, 2, 65_279, 65_535, 65_536])
def test_a_block_gives_all_its_text(length: int) -> None:
    assert texts(block(b"A" * length) + END) == [b"A" * length, b""]


@pytest.mark.parametrize(
    ("text", "told", "sentence"),
    [
        (b"AAAA", 3, "holds more than the 3 bytes of text that it claims"),
        (b"AAAA", 5, "holds less than the 5 bytes of text that it claims"),
        (b"A", 0, "holds more than the 0 bytes of text that it claims"),
        (b"A" * 65_537, 65_537, "claims 65537 bytes of text, more than a block can hold"),
    ],
)
def test_a_block_of_another_length_is_damaged(text: bytes, told: int, sentence: str) -> None:
    found = refusal(around(deflated(text), zlib.crc32(text), told) + END)
    assert (found.rule, found.offset) == ("bgzf.damaged", 0)
    assert sentence in found.text


@pytest.mark.parametrize("kept", [0, 1, -1])
def test_a_block_whose_data_end_too_early_is_damaged(kept: int) -> None:
    text = bytes(range(256)) * 4
    found = refusal(around(deflated(text)[:kept], zlib.crc32(text), len(text)) + END)
    assert (found.rule, "cannot be decompressed" in found.text) == ("bgzf.damaged", True)


def test_a_hostile_block_is_not_inflated() -> None:
    """60 MiB of zeros within a block that claims 64 KiB."""
    hostile = around(deflated(bytes(60 << 20)), 0, 65_536) + END
    tracemalloc.start()
    try:
        assert refusal(hostile).rule == "bgzf.damaged"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20

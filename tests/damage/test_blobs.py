"""Rule 8 on every place for bytes: whatever happened to a blob, a range over it is right, or ends before it is not."""

import asyncio
import random

import pytest

from strandkeep.blobs import DamagedBlob
from strandkeep.domain.blobs import BLOCK
from tests.contract.conftest import blobs_root, place
from tests.damage.changes import bits, flipped, other_changes, ranges, touched
from tests.soak import soak_seeds

__all__ = ["blobs_root", "place"]

SIZES = [1, 500, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 77]


def put(blobs, content):
    async def body():
        for at in range(0, len(content), BLOCK):
            yield content[at : at + BLOCK]

    return asyncio.run(blobs.put(body(), len(content)))


def handed_out(blobs, blob, offset, end):
    """The bytes, and whether they ended by damage; both ways of reading give the same."""
    got, streamed, damaged = bytearray(), bytearray(), []

    async def stream():
        async for chunk in blobs.stream([blob.span(offset, end - offset)]):
            streamed.extend(chunk)

    def read():
        for chunk in blobs.read([blob.span(offset, end - offset)]):
            got.extend(chunk)

    for way in (read, lambda: asyncio.run(stream())):
        try:
            way()
        except DamagedBlob:
            damaged.append(way)
    assert got == streamed
    assert len(damaged) != 1
    return bytes(got), bool(damaged)


def check_every_range(blobs, blob, content, damaged_blocks):
    """Every range that needs a damaged block ends before it; the others are whole. True when damage was found."""
    found = False
    for offset, end in ranges(len(content)):
        got, told = handed_out(blobs, blob, offset, end)
        assert content[offset:end].startswith(got)
        assert told == touched(offset, end, damaged_blocks)
        assert told or len(got) == end - offset
        found |= told
    return found


def flip_bits(place, content, rng, more):
    """(made, found) of flips in a blob of this content, each read over every range."""
    blob, chosen = put(place.blobs, content), bits(len(content), rng, more)
    found = 0
    for bit in chosen:
        place.overwrite(blob.name, flipped(content, bit))
        found += check_every_range(place.blobs, blob, content, {bit // 8 // BLOCK})
    place.overwrite(blob.name, content)
    assert not check_every_range(place.blobs, blob, content, set())
    place.blobs.remove(blob.name)
    return len(chosen), found


@pytest.mark.parametrize("size", SIZES)
def test_rule_8_no_wrong_byte_is_handed_out_whichever_bit_has_flipped(place, size):
    rng = random.Random(size)
    made, found = flip_bits(place, rng.randbytes(size), rng, more=0)
    assert found == made > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", soak_seeds("1-20"))
def test_rule_8_no_wrong_byte_is_handed_out_whichever_bits_have_flipped_at_random(place, soak_report, seed):
    rng = random.Random(seed)
    size = rng.choice([rng.randrange(1, BLOCK), rng.randrange(BLOCK, 5 * BLOCK)])
    made, found = flip_bits(place, rng.randbytes(size), rng, more=25)
    soak_report.add("bit flips in blobs", seed, flips_made=made, flips_found=found)
    assert found == made


@pytest.mark.parametrize("size", SIZES)
def test_rule_8_no_wrong_byte_is_handed_out_of_a_blob_that_was_cut_or_swapped_or_lost(place, size):
    rng = random.Random(size)
    content = rng.randbytes(size)
    blob = put(place.blobs, content)
    for what, then, damaged_blocks in other_changes(content, rng):
        place.blobs.remove(blob.name)
        if then is not None:
            place.overwrite(blob.name, then)
        found = check_every_range(place.blobs, blob, content, damaged_blocks)
        assert found == bool(damaged_blocks), what
        place.overwrite(blob.name, content)


def test_rule_8_of_two_blobs_that_changed_places_nothing_is_handed_out(place):
    contents = [random.Random(n).randbytes(BLOCK + 5) for n in range(2)]
    first, second = (put(place.blobs, content) for content in contents)
    place.overwrite(first.name, contents[1])
    place.overwrite(second.name, contents[0])
    for blob, content in zip((first, second), contents, strict=True):
        assert check_every_range(place.blobs, blob, content, {0, 1})


@pytest.mark.parametrize("bit", [0, 31, 32, 63])
def test_rule_8_a_bit_flipped_in_a_kept_crc_is_damage_of_its_block(place, bit):
    """Whether the bytes or their CRC changed cannot be told: neither is vouched for."""
    content = random.Random(1).randbytes(BLOCK + 5)
    blob = put(place.blobs, content)
    changed = blob._replace(block_crcs=flipped(blob.block_crcs, bit))
    assert check_every_range(place.blobs, changed, content, {bit // 32})

"""Rule 8 as a caller meets it: an answer is right or ends short, and the read set says what is wrong with it."""

import random
from pathlib import Path

import pytest
from botocore.exceptions import IncompleteReadError

from strandkeep.catalog import tables
from strandkeep.domain.blobs import BLOCK
from strandkeep.domain.layout import Segment
from tests.damage.changes import bits, flipped
from tests.faults.conftest import failing, world
from tests.faults.work import Ingest
from tests.soak import soak_seeds

__all__ = ["failing", "world"]

PART = 700_001


@pytest.fixture(autouse=True)
def _narrow_grid(monkeypatch):
    """The grid is 100 MiB wide; here it is so narrow that parts begin and end anywhere in blocks and blobs."""
    monkeypatch.setattr("strandkeep.domain.layout.PART_SIZE", PART)


def path_of(world, name) -> Path:
    return next((world.disk.root / "blobs").glob(f"*/{name}"))


def make(world, rng):
    """A read set of which the file lies in several blobs, from odd offsets on: its members, bytes and blobs."""
    content, segments, blobs = b"", [], {}
    for size in (BLOCK + 9, 5, rng.randrange(1, BLOCK), 2 * BLOCK + 1):
        stored, offset = rng.randbytes(size + 30), rng.randrange(30)
        name = world.api.insert_blob(stored).name
        segments.append(Segment(len(content), name, offset, size))
        blobs[name] = stored
        content += stored[offset : offset + size]
    store = world.api.new_store()
    made = world.api.insert_read_set(store, files={"SOURCE1": segments})
    return {"sequenceStoreId": store, "id": made}, content, blobs, segments


def read_part(world, read_set, number):
    """The bytes of a part as far as they come, and whether all came."""
    got = b""
    try:
        for chunk in world.client.get_read_set(**read_set, partNumber=number)["payload"].iter_chunks():
            got += chunk
    except IncompleteReadError:
        return got, False
    except world.client.exceptions.InternalServerException:
        return b"", False
    return got, True


def is_hit(segments, name, at, first, end):
    """Whether bytes [first, end) of the file need the block with byte `at` of blob `name`."""
    block = at // BLOCK
    for segment in segments:
        begin, stop = max(first, segment.start), min(end, segment.start + segment.length)
        if segment.blob == name and begin < stop:
            offset = segment.offset + begin - segment.start
            return offset // BLOCK <= block <= (offset + stop - begin - 1) // BLOCK
    return False


def check_flip(world, read_set, content, segments, name, at):
    """Read every part; the number of those that needed the damaged block and ended before it."""
    found = 0
    for number in range(1, -(-len(content) // PART) + 1):
        first, end = (number - 1) * PART, min(number * PART, len(content))
        got, whole = read_part(world, read_set, number)
        assert content[first:end].startswith(got)
        assert whole == (not is_hit(segments, name, at, first, end))
        assert len(got) == end - first or not whole
        found += not whole
    return found


def flip_all(world, rng, more):
    """(made, found) of flips in the blobs of a read set."""
    read_set, content, blobs, segments = make(world, rng)
    made = found = 0
    for name, stored in blobs.items():
        for bit in bits(len(stored), rng, more):
            path_of(world, name).write_bytes(flipped(stored, bit))
            made += 1
            found += check_flip(world, read_set, content, segments, name, bit // 8) > 0
        path_of(world, name).write_bytes(stored)
    message = world.client.get_read_set_metadata(**read_set)["statusMessage"]
    assert message.startswith("SOURCE1 is damaged: block ")
    assert "restore it from a backup" in message
    assert "damaged" in {row.kind for row in world.api.rows(tables.event, resource_id=read_set["id"])}
    assert b"".join(read_part(world, read_set, n)[0] for n in range(1, -(-len(content) // PART) + 1)) == content
    return made, found


@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_rule_8_get_read_set_never_sends_a_wrong_byte_and_the_read_set_says_so(world):
    made, found = flip_all(world, random.Random(8), more=0)
    assert found == made > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", soak_seeds("1-10"))
@pytest.mark.parametrize("failing", ["sqlite", "postgresql"], indirect=True)
def test_rule_8_get_read_set_finds_every_flip_at_random(world, soak_report, seed):
    made, found = flip_all(world, random.Random(seed), more=10)
    soak_report.add("bit flips under read sets", seed, flips_made=made, flips_found=found)
    assert found == made


@pytest.mark.parametrize("column", ["block_crcs"])
def test_rule_8_a_bit_flipped_in_the_catalog_is_damage_too(world, column):
    read_set, content, blobs, segments = make(world, random.Random(4))
    name = next(iter(blobs))
    (row,) = world.api.rows(tables.blob, name=name)
    kept = {column: getattr(row, column)}
    here = tables.blob.c.name == name
    change = tables.blob.update().where(here).values(**{column: flipped(row.block_crcs, 3)})
    world.served.house.catalog.write(lambda tx: tx.run(change))
    assert check_flip(world, read_set, content, segments, name, 0) > 0
    world.served.house.catalog.write(lambda tx: tx.run(tables.blob.update().where(here).values(**kept)))
    assert read_part(world, read_set, 1) == (content[:PART], True)


def flip_before_ingest(world, bit):
    """Whether ingest found a flip: the read set waits, says why, and becomes ACTIVE when its bytes are back."""
    ingest = Ingest()
    members = ingest.prepare(world)
    (segment,) = world.api.rows(tables.segment, holder_id=members["id"])
    path = path_of(world, segment.blob)
    stored = path.read_bytes()
    path.write_bytes(flipped(stored, bit % (8 * len(stored))))
    ingest.attempt(world, members)
    read_set = {name: members[name] for name in ("sequenceStoreId", "id")}
    found = world.client.get_read_set_metadata(**read_set)
    assert found["status"] == "PROCESSING_UPLOAD"
    assert found["statusMessage"].startswith("SOURCE1 is damaged: block 0 of blob ")
    assert "damaged" in {row.kind for row in world.api.rows(tables.event, resource_id=read_set["id"])}
    path.write_bytes(stored)
    ingest.again(world, members, None)
    return world.client.get_read_set_metadata(**read_set)["status"] == "ACTIVE"


@pytest.mark.parametrize("bit", [0, 8 * 20 + 1, 8 * 1000 + 7, -1])
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_rule_8_ingest_never_makes_a_read_set_active_from_wrong_bytes(world, bit):
    """Nor is it the file's fault: it is not UPLOAD_FAILED either (rule 6)."""
    assert flip_before_ingest(world, bit)


@pytest.mark.soak
@pytest.mark.parametrize("seed", soak_seeds("1-10"))
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_rule_8_ingest_finds_every_flip_at_random(world, soak_report, seed):
    found = flip_before_ingest(world, random.Random(seed).randrange(1 << 40))
    soak_report.add("bit flips before ingest", seed, flips_made=1, flips_found=int(found))

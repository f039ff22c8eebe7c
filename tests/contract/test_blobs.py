"""The contract of `Blobs`, on every place for bytes."""

import asyncio
import hashlib
import random
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strandkeep.blobs import Adoptable, DamagedBlob
from strandkeep.domain.blobs import BLOCK

MIB = 1024 * 1024
SIZES = [1, MIB - 1, MIB, MIB + 1, 3 * MIB + MIB // 2]
LARGEST_CHUNK = 256 * 1024


class Torn(Exception):
    """The connection of a body that broke."""


def content_of(size, seed=0):
    return random.Random(seed).randbytes(size)


async def in_chunks(content, sizes):
    """A body that comes in chunks of the given sizes, over and over."""
    at = 0
    while at < len(content):
        for size in sizes:
            if content[at : at + size]:
                yield content[at : at + size]
            at += size


def put(blobs, content, sizes=(MIB,), length=None):
    return asyncio.run(blobs.put(in_chunks(content, sizes), len(content) if length is None else length))


def write(blobs, content, size=MIB):
    return blobs.write(content[at : at + size] for at in range(0, len(content), size))


def adopt(blobs, path, how):
    with path.open("rb") as file, blobs.begin(Adoptable(file.fileno(), how)) as new:
        while chunk := file.read(300_000):
            new.write(chunk)
        return new.finish()


def read(blobs, blob, offset, length):
    return b"".join(blobs.read([blob.span(offset, length)]))


def stream(blobs, *spans):
    async def collect():
        return b"".join([chunk async for chunk in blobs.stream(spans)])

    return asyncio.run(collect())


def read_until_damage(blobs, *spans):
    """What is handed out before the damage is met, by either way of reading."""
    got, streamed = bytearray(), bytearray()

    def collect():
        for chunk in blobs.read(spans):
            got.extend(chunk)

    async def collect_async():
        async for chunk in blobs.stream(spans):
            streamed.extend(chunk)

    with pytest.raises(DamagedBlob):
        collect()
    with pytest.raises(DamagedBlob):
        asyncio.run(collect_async())
    assert streamed == got
    return got


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [1, 2])
def test_put_keeps_the_bytes_however_they_come(place, size, seed):
    content, rng = content_of(size, seed), random.Random(seed)
    chunks = [rng.choice([1, 7, 4096, 65_536, LARGEST_CHUNK, MIB - 1, MIB, MIB + 1]) for _ in range(20)]

    blob = put(place.blobs, content, chunks)

    assert read(place.blobs, blob, 0, size) == stream(place.blobs, blob.span(0, size)) == content
    assert (blob.length, blob.sha256, blob.place) == (size, hashlib.sha256(content).hexdigest(), place.blobs.name)
    crcs = [zlib.crc32(content[at : at + BLOCK]) for at in range(0, size, BLOCK)]
    assert blob.block_crcs == b"".join(crc.to_bytes(4, "big") for crc in crcs)


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_put_takes_very_small_chunks(place, chunk):
    """A slow line brings few bytes at a time: thousands of chunks gather before they are written."""
    content = content_of(5000)
    assert read(place.blobs, put(place.blobs, content, [chunk]), 0, 5000) == content


def test_put_takes_empty_chunks(place):
    async def body():
        for chunk in (b"", b"ab", b"", b"c", b""):
            yield chunk

    blob = asyncio.run(place.blobs.put(body(), 3))
    assert read(place.blobs, blob, 0, 3) == b"abc"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunk", [4099, MIB - 1, MIB, 2 * MIB])
def test_write_stores_what_put_stores(place, size, chunk):
    content = content_of(size)
    put_blob, written = put(place.blobs, content), write(place.blobs, content, chunk)
    assert written._replace(name=put_blob.name) == put_blob
    assert written.name != put_blob.name
    assert read(place.blobs, written, 0, size) == content


def test_write_takes_empty_chunks_but_not_nothing_at_all(place):
    assert read(place.blobs, place.blobs.write([b"", b"ab", b"", b"c"]), 0, 3) == b"abc"
    for nothing in ([], [b""]):
        with pytest.raises(ValueError, match="0 bytes came"):
            place.blobs.write(nothing)
    assert list(place.stored().values()) == [b"abc"]


@pytest.mark.parametrize("before", [0, 10, MIB, 2 * MIB + 10])
def test_a_write_whose_chunks_break_leaves_nothing(place, before):
    def torn():
        yield content_of(before)
        raise Torn

    with pytest.raises(Torn):
        place.blobs.write(torn())
    assert place.stored() == {}


@pytest.mark.parametrize("size", SIZES)
def test_a_blob_that_is_begun_and_finished_is_what_put_stores(place, size):
    content = content_of(size)
    new = place.blobs.begin()
    for at in range(0, size, 300_000):
        assert new.length == at
        new.write(content[at : at + 300_000])
    assert new.length == size
    finished = new.finish()
    new.discard()

    put_blob = put(place.blobs, content)
    assert finished._replace(name=put_blob.name) == put_blob
    assert finished.name != put_blob.name
    assert place.stored()[finished.name] == read(place.blobs, finished, 0, size) == content


@pytest.mark.parametrize("before", [0, 10, MIB, 2 * MIB + 10])
def test_a_blob_that_is_begun_and_discarded_leaves_nothing(place, before):
    new = place.blobs.begin()
    new.write(content_of(before))
    for _ in range(2):
        new.discard()
    assert place.stored() == {}


@pytest.mark.parametrize("before", [0, 10, MIB, 2 * MIB + 10])
def test_a_blob_whose_writer_fails_leaves_nothing(place, before):
    def fail_midway():
        with place.blobs.begin() as new:
            new.write(content_of(before))
            raise Torn

    with pytest.raises(Torn):
        fail_midway()
    assert place.stored() == {}


@pytest.mark.parametrize("chunks", [[], [b""]])
def test_a_blob_without_a_byte_cannot_be_finished(place, chunks):
    with place.blobs.begin() as new:
        for chunk in chunks:
            new.write(chunk)
        with pytest.raises(ValueError, match="0 bytes came"):
            new.finish()
    assert place.stored() == {}


def test_a_blob_that_is_being_written_is_no_orphan_yet(place):
    with place.blobs.begin() as new:
        new.write(content_of(2 * MIB))
        assert list(place.blobs.orphans(0)) == []
        blob = new.finish()
    assert list(place.blobs.orphans(0)) == [[blob.name]]


@pytest.mark.parametrize("how", ["link", "clone"])
@pytest.mark.parametrize("size", SIZES)
def test_a_blob_that_adopts_a_file_is_what_put_stores(place, blobs_root, how, size):
    """Where that cannot be done it is a copy, and nothing else is different."""
    content, path = content_of(size), blobs_root / "a file outside"
    path.write_bytes(content)
    blob = adopt(place.blobs, path, how)

    put_blob = put(place.blobs, content)
    assert blob._replace(name=put_blob.name) == put_blob
    path.unlink()
    assert read(place.blobs, blob, 0, size) == content


@pytest.mark.parametrize("how", ["link", "clone"])
def test_a_file_that_was_adopted_stays_when_the_blob_goes(place, blobs_root, how):
    path = blobs_root / "a file outside"
    path.write_bytes(b"bytes")
    with path.open("rb") as file, place.blobs.begin(Adoptable(file.fileno(), how)) as new:
        new.write(b"by")
    place.blobs.remove(adopt(place.blobs, path, how).name)
    assert place.stored() == {}
    assert path.read_bytes() == b"bytes"


def test_put_never_uses_a_name_again(place):
    assert len({put(place.blobs, b"same").name for _ in range(50)}) == 50


def test_puts_at_once_do_not_mix_their_bytes(place):
    contents = [content_of(MIB + n, n) for n in range(12)]

    async def all_at_once():
        return await asyncio.gather(*(place.blobs.put(in_chunks(c, [100_000]), len(c)) for c in contents))

    blobs = asyncio.run(all_at_once())
    assert [read(place.blobs, blob, 0, blob.length) for blob in blobs] == contents


def test_what_was_put_is_there_for_the_next_run(place):
    blob = put(place.blobs, b"bytes")
    assert read(place.reopen(), blob, 0, 5) == b"bytes"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_reading_any_range_is_slicing(place, data):
    if not hasattr(place.blobs, "_tested"):
        content = content_of(3 * MIB + MIB // 2)
        place.blobs._tested = content, put(place.blobs, content)
    content, blob = place.blobs._tested
    edges = st.sampled_from([n * BLOCK + d for n in range(4) for d in (-1, 0, 1) if n * BLOCK + d >= 0])
    offset = data.draw(st.integers(0, len(content) - 1) | edges)
    length = data.draw(st.integers(0, len(content) - offset) | st.integers(0, 3).filter(lambda n: n <= MIB // 4))
    expected = content[offset : offset + length]

    assert read(place.blobs, blob, offset, length) == expected
    assert stream(place.blobs, blob.span(offset, length)) == expected


def test_spans_of_many_blobs_are_read_one_after_the_other(place):
    """Small ones and large ones, whole or in part, some more than once."""
    rng = random.Random(3)
    contents = [content_of(size, n) for n, size in enumerate((1, 10, 1024, LARGEST_CHUNK, LARGEST_CHUNK + 1, 3 * MIB))]
    blobs = [put(place.blobs, content) for content in contents]
    spans, expected = [], b""
    for which in [*range(6), *(rng.randrange(6) for _ in range(60))]:
        offset = rng.randrange(blobs[which].length)
        length = rng.randint(1, blobs[which].length - offset)
        spans.append(blobs[which].span(offset, length))
        expected += contents[which][offset : offset + length]

    assert b"".join(place.blobs.read(spans)) == stream(place.blobs, *spans) == expected
    assert max(map(len, place.blobs.read(spans))) <= LARGEST_CHUNK


def test_spans_of_small_blobs_share_chunks(place):
    """Each chunk costs whoever it is handed to: 10,000 of 1 KiB must not come one by one."""
    blob = put(place.blobs, content_of(1024))
    assert [len(chunk) for chunk in place.blobs.read([blob.span(0, 1024)] * 300)] == [LARGEST_CHUNK, 44 * 1024]


def test_no_spans_are_no_bytes(place):
    assert list(place.blobs.read([])) == []
    assert stream(place.blobs) == b""


def test_what_comes_before_a_damaged_blob_is_handed_out(place):
    blobs = [put(place.blobs, content_of(1000, n)) for n in range(4)]
    place.overwrite(blobs[2].name, bytes(1000))

    spans = [blob.span(0, 1000) for blob in blobs]
    assert read_until_damage(place.blobs, *spans) == content_of(1000, 0) + content_of(1000, 1)
    assert read_until_damage(place.blobs, *spans[2:]) == b""


def test_bytes_are_handed_out_in_chunks_of_at_most_256_kib(place):
    blob = put(place.blobs, content_of(2 * MIB + 1))
    assert max(map(len, place.blobs.read([blob.span(1, 2 * MIB)]))) <= LARGEST_CHUNK


def test_a_reader_that_goes_away_leaves_the_blob_readable(place):
    blob = put(place.blobs, content_of(3 * MIB))

    async def first_chunk():
        chunks = place.blobs.stream([blob.span(0, 3 * MIB)])
        chunk = await anext(chunks)
        await chunks.aclose()
        return chunk

    assert asyncio.run(first_chunk()) == content_of(3 * MIB)[: len(next(place.blobs.read([blob.span(0, 3 * MIB)])))]
    assert read(place.blobs, blob, 0, 3 * MIB) == content_of(3 * MIB)


@pytest.mark.parametrize("bit", [0, 8 * MIB - 1, 8 * MIB, 8 * (2 * MIB) + 5, 8 * (2 * MIB + 100) - 1])
def test_no_wrong_byte_is_handed_out_when_any_bit_has_flipped(place, bit):
    """Rule 8: every read path checks each block before it sends it."""
    content = content_of(2 * MIB + 100)
    blob = put(place.blobs, content)
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    place.overwrite(blob.name, bytes(damaged))
    bad = bit // 8 // BLOCK

    assert read_until_damage(place.blobs, blob.span(0, len(content))) == content[: bad * BLOCK]
    # A range of one byte elsewhere in the same block is as suspect as the block.
    other = bad * BLOCK if bit // 8 != bad * BLOCK else bit // 8 + 1
    assert read_until_damage(place.blobs, blob.span(other, 1)) == b""
    for block in {0, 1, 2} - {bad}:
        assert read(place.blobs, blob, block * BLOCK, 50) == content[block * BLOCK :][:50]


def test_no_wrong_byte_is_handed_out_for_any_flipped_bit_of_a_small_blob(place):
    content = content_of(24)
    blob = put(place.blobs, content)
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        place.overwrite(blob.name, bytes(damaged))
        assert read_until_damage(place.blobs, blob.span(0, len(content))) == b""


@pytest.mark.parametrize("kept", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB + 98])
def test_no_wrong_byte_is_handed_out_when_a_blob_was_cut_short(place, kept):
    content = content_of(2 * MIB + 99)
    blob = put(place.blobs, content)
    place.overwrite(blob.name, content[:kept])

    assert read_until_damage(place.blobs, blob.span(0, len(content))) == content[: kept // BLOCK * BLOCK]


def test_blocks_that_changed_places_are_damage(place):
    content = content_of(2 * MIB)
    blob = put(place.blobs, content)
    place.overwrite(blob.name, content[MIB:] + content[:MIB])
    assert read_until_damage(place.blobs, blob.span(0, 2 * MIB)) == b""


def test_a_missing_blob_is_damage(place):
    blob = put(place.blobs, b"bytes")
    place.blobs.remove(blob.name)
    assert read_until_damage(place.blobs, blob.span(0, 5)) == b""
    assert read_until_damage(place.blobs, blob._replace(name="0" * 32).span(0, 5)) == b""


@pytest.mark.parametrize("before", [0, 10, MIB, 2 * MIB + 10])
def test_a_body_that_breaks_leaves_nothing(place, before):
    async def torn():
        async for chunk in in_chunks(content_of(before), [65_536]):
            yield chunk
        raise Torn

    with pytest.raises(Torn):
        asyncio.run(place.blobs.put(torn(), 4 * MIB))
    assert place.stored() == {}


@pytest.mark.parametrize("before", [0, 10, MIB, 2 * MIB + 10])
def test_a_body_that_is_given_up_leaves_nothing(place, before):
    async def cancelled_while_waiting():
        came = asyncio.Event()

        async def stalled():
            async for chunk in in_chunks(content_of(before), [65_536]):
                yield chunk
            came.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(place.blobs.put(stalled(), 4 * MIB))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled_while_waiting())
    assert place.stored() == {}


def test_a_put_that_is_cancelled_at_any_of_its_steps_leaves_at_most_an_orphan(place):
    content = content_of(2 * MIB + 10)

    async def cancelled_after(turns):
        task = asyncio.create_task(place.blobs.put(in_chunks(content, [MIB // 2]), len(content)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            return (await task).name
        except asyncio.CancelledError:
            return None

    for turns in [*range(12), *range(12, 1200, 91)]:
        before = place.stored()
        name = asyncio.run(cancelled_after(turns))
        after = place.stored()
        new = set(after) - set(before)
        assert new == {name} if name else len(new) <= 1
        assert all(after[n] == content for n in new), "an orphan has all of its bytes under its final name"


@pytest.mark.parametrize("length", [0, 1, 9, 11, MIB, 10 + MIB])
def test_a_body_of_another_length_than_announced_leaves_nothing(place, length):
    with pytest.raises(ValueError, match=f"10 bytes came, {length} were announced"):
        put(place.blobs, content_of(10), length=length)
    assert place.stored() == {}


def test_an_empty_body_leaves_nothing(place):
    with pytest.raises(ValueError, match="0 bytes came"):
        put(place.blobs, b"")
    assert place.stored() == {}


def test_remove_removes_the_bytes_and_may_be_repeated(place):
    blob, other = put(place.blobs, b"bytes"), put(place.blobs, b"others")
    for _ in range(3):
        place.blobs.remove(blob.name)
    place.blobs.remove("f" * 32)
    assert place.stored() == {other.name: b"others"}


def test_orphans_lists_every_blob_that_is_older(place):
    names = {put(place.blobs, b"bytes").name for _ in range(30)}

    def listed(older_than_s):
        return [name for names in place.blobs.orphans(older_than_s) for name in names]

    assert sorted(listed(0)) == sorted(names)
    assert listed(3600) == []


def test_orphans_lists_no_manifest_and_nothing_that_is_still_being_put(place):
    place.blobs.put_manifest("m.json", b"{}")

    async def listed_meanwhile():
        async def body():
            yield content_of(2 * MIB)
            found = [name for names in place.blobs.orphans(0) for name in names]
            assert found == []
            yield b"end"

        await place.blobs.put(body(), 2 * MIB + 3)

    asyncio.run(listed_meanwhile())


def test_a_manifest_is_stored_and_replaced(place):
    place.blobs.put_manifest("1.1.json", b"first, and longer")
    place.blobs.put_manifest("1.1.json", b"second")
    place.blobs.put_manifest("1.2.json", b"other")
    assert place.stored() == {"1.1.json": b"second", "1.2.json": b"other"}


def test_a_removed_manifest_is_gone_and_one_that_is_not_there_is_no_matter(place):
    for name in ("1.1.json", "2.1.json"):
        place.blobs.put_manifest(name, b"{}")
    for _ in range(2):
        place.blobs.remove_manifest("1.1.json")
    assert place.stored() == {"2.1.json": b"{}"}


def test_check_room_passes_when_there_is_room(place):
    place.blobs.check_room(1)

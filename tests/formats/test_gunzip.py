"""gzip in, text out, however the stored bytes are cut and whatever the members are."""

import hashlib
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strandkeep.formats import gunzip
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes

from .bgzf_files import bgzf
from .fastq_files import bomb, gz, reads, with_all_header_fields


def cut(content: bytes, size: int) -> StoredBytes:
    """Stored bytes that arrive in pieces of up to `size` bytes, as a pipe may give them."""
    return StoredBytes(content[at : at + size] for at in range(0, len(content), size))


def inflate(content: bytes, size: int) -> tuple[bytes, StoredBytes]:
    source = cut(content, size)
    return b"".join(gunzip.texts(source)), source


def verdict(content: bytes) -> tuple[str, bytes]:
    """The rule by which bytes are refused, or their text."""
    try:
        return "", inflate(content, 1 << 18)[0]
    except Refusal as refusal:
        return refusal.rule, b""


MEMBERS = [b"", b"A", reads(3), reads(40), os.urandom(3000)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(MEMBERS), st.sampled_from([gz, bgzf, with_all_header_fields])), min_size=1, max_size=5
    ),
    st.integers(0, 40),
    st.sampled_from([1, 2, 3, 17, 100, 5000, 1 << 18]),
)
def test_any_members_at_any_cut(members: list, zeros: int, size: int) -> None:
    content = b"".join(pack(text) for text, pack in members)
    text, source = inflate(content + bytes(zeros) if members[0][1] is not bgzf else content + bgzf(b""), size)
    assert text == b"".join(text for text, _ in members)
    assert source.offset == source.length


def test_the_digests_cover_all_stored_bytes() -> None:
    content = gz(reads(50)) + bytes(100)
    _, source = inflate(content, 1 << 18)
    assert source.sha256.hexdigest() == hashlib.sha256(content).hexdigest()
    assert source.md5.hexdigest() == hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("pack", [gz, bgzf, with_all_header_fields])
@pytest.mark.parametrize("size", [1, 64, 1 << 18])
def test_every_truncation_is_found(pack, size: int) -> None:
    content = pack(reads(2))
    for cut in range(1, len(content)):
        with pytest.raises(Refusal) as refused:
            inflate(content[:cut], size)
        assert refused.value.rule in ("gzip.truncated", "gzip.bgzf-eof"), cut


def test_every_turned_bit_is_found_or_changes_nothing() -> None:
    text = reads(20)
    content = gz(text)
    rng = random.Random(5)
    for _ in range(2000):
        changed = bytearray(content)
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        rule, found = verdict(bytes(changed))
        assert rule.startswith("gzip.") or found == text


def test_a_bomb_comes_in_small_pieces() -> None:
    source = cut(bomb(b"@r\n", b"A", 64), 1 << 18)
    assert max(map(len, gunzip.texts(source))) <= gunzip.TEXT_CHUNK

"""Our MD5 is MD5, whatever the pieces are, alone and carried along."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.formats._md5 import Md5

#: Short ones, and some that hold several blocks and end anywhere in one.
PIECES = st.lists(st.binary(max_size=70) | st.integers(0, 500).map(lambda n: bytes(i * 7 & 0xFF for i in range(n))))


@pytest.mark.parametrize("length", [*range(130), 1_000_003])
def test_it_is_md5_at_every_place_of_a_block(length):
    data = bytes(i * i & 0xFF for i in range(length))
    digest = Md5()
    digest.update(data)
    assert digest.hexdigest() == hashlib.md5(data).hexdigest()


@given(PIECES)
def test_the_pieces_do_not_matter_nor_does_asking_meanwhile(pieces):
    digest, known = Md5(), hashlib.md5()
    for piece in pieces:
        digest.update(piece)
        known.update(piece)
        assert digest.hexdigest() == known.hexdigest()


@given(st.lists(st.tuples(st.booleans(), PIECES.map(b"".join))))
def test_a_stream_that_is_carried_along_has_its_own_digest(pieces):
    text, stored = Md5(), Md5()
    text.carry(stored)
    for waits, piece in pieces:
        (stored.wait if waits else text.update)(piece)
    assert stored.hexdigest() == hashlib.md5(b"".join(piece for waits, piece in pieces if waits)).hexdigest()
    assert text.hexdigest() == hashlib.md5(b"".join(piece for waits, piece in pieces if not waits)).hexdigest()


def test_what_waits_is_digested_without_anyone_who_carries_it():
    digest = Md5()
    digest.wait(b"a" * 100)
    digest.wait(b"b" * 100)
    assert digest.hexdigest() == hashlib.md5(b"a" * 100 + b"b" * 100).hexdigest()


def test_only_bytes_are_taken():
    with pytest.raises(TypeError):
        Md5().update(None)

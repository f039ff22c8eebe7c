"""The kernel: the same verdict wherever the text is cut, and the reference parser's verdict on anything."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strandkeep.formats import _fastq as kernel
from strandkeep.formats.fastq_refusals import scan_refusal

from . import reference_parser
from .fastq_files import reads
from .reference_parser import Verdict

LONG = 1 << 26


def scan(pieces: list[bytes], longest_line: int = LONG) -> tuple[Verdict, bytes, bytes]:
    """The kernel's verdict, in the reference's terms; its hashes; its first header."""
    scanner, hashes = kernel.Scanner(longest_line, True), b""
    for piece in pieces:
        hashes += scanner.feed(piece)
    scanner.finish()
    rule, offset = None, None
    if scanner.fault:
        refusal = scan_refusal(scanner, longest_line)
        rule, offset = refusal.rule, refusal.offset
    return Verdict(rule, scanner.reads, scanner.bases, offset), hashes, scanner.first_header


HAND_MADE = {
    "plain": b"@r1 x\nACGT\n+\nFFFF\n@r2\nAC\n+r2\nF:\n",
    "CRLF": b"@r1 x\r\nACGT\r\n+\r\nFFFF\r\n@r2\r\nAC\r\n+\r\nF:\r\n",
    "no last newline": b"@r1\nACGT\n+\nFFFF",
    "no last LF": b"@r1\r\nACGT\r\n+\r\nFFFF\r",
    "blank lines at the end": b"@r1\nA\n+\nF\n\n\r\n\n",
    "blank line inside": b"@r1\nA\n+\nF\n\r\n@r2\nA\n+\nF\n",
    "empty reads": b"@r1\n\n+\n\n@r2\n\n+\n\n@r3\n\n+\n",
    "CR inside a sequence": b"@r1\nA\rC\n+\nFFF\n",
    "CR inside a quality": b"@r1\nACG\n+\nF\rF\n",
    "CR begins a header": b"@r1\nA\n+\nF\n\rx\n",
    "two CR": b"@r1\nA\r\r\n+\nF\n",
    "CR alone after plus": b"@r1\nA\n\r\nF\n",
    "unequal": b"@r1\nA\n+\nF\n@r2\nACG\n+\nFF\n@r3\nA\n+\nF\n",
    "bad byte and unequal": b"@r1\nACG\n+\nF F F\n",
    "bad quality": b"@r1\nACG\n+\nF F\n",
    "no plus": b"@r1\nACG\nFFF\n",
    "empty plus": b"@r1\nACG\n\nFFF\n",
    "no at": b"r1\nACG\n+\nFFF\n",
    "gap bytes": b"@r1\nA.-*=c\n+\n!~!~!~\n",
    "cut in header": b"@r1\nA\n+\nF\n@r",
    "cut in sequence": b"@r1\nACG\n+\nFFF\n@r2\nA",
    "cut in plus": b"@r1\nACG\n+",
    "cut in quality": b"@r1\nACG\n+\nFF",
    "too long at the end": b"@r1\nACG\n+\nFFFF",
}


@pytest.mark.parametrize("text", HAND_MADE.values(), ids=HAND_MADE)
def test_a_text_may_be_cut_at_any_two_bytes(text: bytes) -> None:
    whole = scan([text])
    expected = reference_parser.parse(text)
    assert whole[0] == Verdict(expected.rule, expected.reads, expected.bases, expected.offset)
    for i in range(len(text) + 1):
        for j in range(i, len(text) + 1):
            assert scan([text[:i], text[i:j], text[j:]]) == whole, (i, j)


@pytest.mark.parametrize("text", HAND_MADE.values(), ids=HAND_MADE)
def test_a_text_may_come_byte_by_byte(text: bytes) -> None:
    assert scan([text[i : i + 1] for i in range(len(text))]) == scan([text])


_line = st.one_of(
    st.sampled_from(
        [b"@r1 a", b"@r1/1", b"@x\ty", b"+", b"+r", b"ACGT", b"FFFF", b"", b"@", b"N", b"!", b"A C", b"+@"]
    ),
    st.binary(max_size=6),
)
_lines = st.lists(st.tuples(_line, st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r", b""])), max_size=14)
_anything = _lines.map(lambda parts: b"".join(line + end for line, end in parts))


@st.composite
def _nearly_sound(draw: st.DrawFn) -> bytes:
    parts = []
    for number in range(draw(st.integers(0, 6))):
        length = draw(st.integers(0, 40))
        name = draw(st.sampled_from([b"r%d", b"r%d/1 x", b"r%d.2", b"r%d_1\tz", b"%d"])) % number
        parts.append(b"@%s\n%s\n+\n%s\n" % (name, b"A" * length, b"F" * length))
    text = bytearray(b"".join(parts))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 3))] = draw(
            st.sampled_from([b"", b"\n", b"\r", b"@", b"+", b" ", b"A", b"\0"])
        )
    return bytes(text)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(_anything, _nearly_sound()), st.randoms(use_true_random=False))
def test_the_kernel_agrees_with_the_reference(text: bytes, rng: random.Random) -> None:
    expected = reference_parser.parse(text)
    cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(0, 6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found, hashes, _ = scan(pieces)
    assert found == Verdict(expected.rule, expected.reads, expected.bases, expected.offset)
    if found.rule is None:
        words = [hashes[i : i + 8] for i in range(0, len(hashes), 8)]
        assert len(words) == found.reads
        assert len(set(words)) == len(set(expected.names))


def name_hash(header: bytes) -> bytes:
    return scan([b"@" + header + b"\nA\n+\nF\n"])[1]


@pytest.mark.parametrize(
    "ends", [("/1", "/2"), (".1", ".2"), ("_1", "_2"), (" 1:N", " 2:N"), ("\tx", ""), ("/1 a", "\r")]
)
def test_mates_have_one_hash(ends: tuple[str, str]) -> None:
    assert name_hash(b"read7" + ends[0].encode()) == name_hash(b"read7" + ends[1].encode())


def test_other_names_have_other_hashes() -> None:
    names = [b"r%d" % i for i in range(20_000)] + [b"a" * n for n in range(1, 200)]
    names += [b"r/3", b"r1/", b"1", b"2", b"/1", b"/2x"]
    assert len({name_hash(name) for name in names}) == len(names)


def test_every_byte_is_judged() -> None:
    for byte in set(range(256)) - {10, 13}:
        base, letter = bytes([byte]), chr(byte)
        ok = letter.isascii() and (letter.isalpha() or letter in ".-*=")
        assert (scan([b"@r\nA" * 1 + base + b"A\n+\nFFF\n"])[0].rule is None) == ok, byte
        ok = 33 <= byte <= 126
        assert (scan([b"@r\n" + b"A" * 40 + b"\n+\n" + b"F" * 39 + base + b"\n"])[0].rule is None) == ok, byte


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_line_longer_than_the_limit_is_refused(size: int) -> None:
    sound = b"@r\n" + b"A" * 20 + b"\r\n+\n" + b"F" * 20 + b"\n"
    longer = sound + b"@s\n" + b"A" * 21 + b"\n+\n" + b"F" * 21 + b"\n"
    for text, rule in ((sound, None), (longer, "fastq.line-too-long")):
        assert scan([text[i : i + size] for i in range(0, len(text), size)], 20)[0].rule == rule


def test_the_first_header_is_kept_and_cut() -> None:
    assert scan([b"@first one\r\nA\n+\nF\n", reads(3)])[2] == b"first one"
    assert scan([b"@" + b"n" * 5000 + b"\nA\n+\nF\n"])[2] == b"n" * kernel.HEADER_KEPT

"""FASTA text: the same verdict wherever it is cut, the reference parser's on anything, and samtools' own index."""

import random
from pathlib import Path

import pysam
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strandkeep.formats import _fasta as kernel
from strandkeep.formats._md5 import Md5
from strandkeep.formats.fasta import FastaText
from strandkeep.formats.fasta_refusals import scan_refusal
from strandkeep.formats.refusals import Refusal

from . import fasta_parser
from .fasta_parser import Verdict

SOUND = {
    "plain": b">a x\nACGT\nAC\n>b\nacgtnry\n",
    "CRLF": b">a x\r\nACGT\r\nAC\r\n>b\r\nA\r\n",
    "one LF, the other CRLF": b">a\nACG\nA\n>b\r\nACG\r\nA\r\n",
    "no last newline": b">a\nACGT\nACGT",
    "no last newline of a single line": b">a\nACGT",
    "CRLF, no last LF": b">a\r\nACGT\r\nAC\r",
    "CRLF, a single line without LF": b">a\r\nACGT\r",
    "CRLF, the last line without its end": b">a\r\nACGT\r\nACGT",
    "blank lines between and around": b"\n\r\n>a\nACGT\n\n\r\n>b\nAC\n\n\n",
    "blanks before a name": b">  \t a b c\nACGT\n",
    "a tab after a name": b">a\tb\nACGT\n",
    "IUPAC": b">a\nACGTUNRYSWKMBDHVacgtunryswkmbdhv\n",
    "lines of one base": b">a\nA\nC\nG\n",
    "a name of many characters": b">gi|1|ref|NC_1.2|:<chr>;=,\xc3\xa4'\"\nA\n",
}
BAD = {
    "duplicate name": (b">a 1\nA\n>b\nA\n>a 2\nA\n", "fasta.duplicate-name", 3),
    "no bases": (b">a\nA\n>b\n>c\nA\n", "fasta.empty-sequence", 2),
    "no bases but blank lines": (b">a\n\n\r\n>c\nA\n", "fasta.empty-sequence", 1),
    "no bases at the end": (b">a\nA\n>b\n", "fasta.empty-sequence", 2),
    "cut in a name": (b">a\nA\n>b", "fasta.empty-sequence", 2),
    "nothing": (b"", "fasta.empty", None),
    "blank lines alone": (b"\n\r\n\n", "fasta.empty", None),
    "text before": (b"ACGT\n>a\nA\n", "fasta.header", 1),
    "a comment before": (b";LCBO\n>a\nA\n", "fasta.header", 1),
    "no name": (b">a\nA\n> \t\nA\n", "fasta.no-name", 2),
    "no name at the end": (b">a\nA\n>", "fasta.no-name", 2),
    "a line too long": (b">a\nACG\nACGT\n", "fasta.uneven-lines", 1),
    "the last line too long, without an end": (b">a\nACG\nACGT", "fasta.uneven-lines", 1),
    "a line too short": (b">a\nACG\nAC\nACG\n", "fasta.uneven-lines", 1),
    "a blank line inside": (b">a\nACG\n\nACG\n", "fasta.blank-line", 1),
    "a blank line first": (b">a\n\nACG\n", "fasta.blank-line", 1),
    "LF, then CRLF": (b">a\nACG\nACG\r\n", "fasta.line-ends", 1),
    "CRLF, then LF": (b">a\r\nACG\r\nAC\n", "fasta.line-ends", 1),
    "CR inside": (b">a\nAC\rGT\n", "fasta.base", 1),
    "two CR": (b">a\nACG\r\r\n", "fasta.base", 1),
    "a lone CR at the end": (b">a\nACG\n\r", "fasta.base", 1),
    "protein": (b">sp|P1\nMKVLAA\n", "fasta.protein", 1),
    "X": (b">a\nACGX\n", "fasta.protein", 1),
    "a gap": (b">a\nAC-GT\n", "fasta.base", 1),
    "a stop": (b">a\nMKV*\n", "fasta.base", 1),
    "a digit": (b">a\n1 ACGT\n", "fasta.base", 1),
    "a blank": (b">a\nACG TAC\n", "fasta.base", 1),
    "NUL in the bases": (b">a\nACG\0TAC\n", "fasta.base", 1),
    "NUL in a name": (b">a\0b\nACGTAC\n", "fasta.name", 1),
    "Latin-1 in a name": (b">a\nA\n>caf\xe9\nACGTAC\n", "fasta.name", 2),
    "an escape in a name": (b">a\x1b[31m\nACGTAC\n", "fasta.name", 1),
    "a name too long": (b">" + b"n" * 1025 + b"\nACGT\n", "fasta.name-too-long", 1),
    "'>' inside a line": (b">a\nACG>b\nACGT\n", "fasta.base", 1),
    "a bad base before an uneven line": (b">a\nA!G\nACGT\n", "fasta.base", 1),
}
TEXTS = SOUND | {name: bad[0] for name, bad in BAD.items()}


def scan(pieces: list[bytes]) -> tuple[Verdict, int | None]:
    """The verdict on a text that comes in pieces, and the offset at which the record at fault begins."""
    digest = Md5()
    text = FastaText(digest)
    try:
        for piece in pieces:
            digest.wait(piece)
            text.feed(piece)
        text.finish()
    except Refusal as refusal:
        return Verdict(refusal.rule, refusal.record), refusal.offset
    rows = (row.decode().split("\t") for row in text.table.splitlines())
    digests = tuple((name, int(length), md5, sha512t24u) for name, length, md5, sha512t24u in rows)
    assert (text.sequences, text.length) == (len(digests), len(b"".join(pieces)))
    return Verdict(None, None, bytes(text.fai), digests), None


def cut(text: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(0, 6)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    verbosity = pysam.set_verbosity(0)
    yield tmp_path_factory.mktemp("faidx")
    pysam.set_verbosity(verbosity)


def faidx(folder: Path, text: bytes) -> bytes | None:
    """The index that samtools makes, if it makes one."""
    path, index = folder / "x.fa", folder / "x.fa.fai"
    path.write_bytes(text)
    index.unlink(missing_ok=True)
    try:
        pysam.samtools.faidx(str(path))
    except pysam.SamtoolsError:
        return None
    return index.read_bytes()


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_what_is_sound_has_samtools_own_index(folder: Path, text: bytes) -> None:
    verdict, _ = scan([text])
    assert verdict.rule is None
    assert verdict.fai == faidx(folder, text)


@pytest.mark.parametrize(("text", "rule", "record"), BAD.values(), ids=BAD)
def test_a_bad_text_is_refused_for_the_right_reason(text: bytes, rule: str, record: int | None) -> None:
    assert scan([text])[0] == Verdict(rule, record)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_may_be_cut_at_any_two_bytes(text: bytes) -> None:
    whole = scan([text])
    assert whole[0] == fasta_parser.parse(text)
    step = max(len(text) // 40, 1)
    for i in range(0, len(text) + 1, step):
        for j in range(i, len(text) + 1, step):
            assert scan([text[:i], text[i:j], text[j:]]) == whole, (i, j)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_may_come_byte_by_byte(text: bytes) -> None:
    assert scan([text[i : i + 1] for i in range(len(text))]) == scan([text])


_line = st.sampled_from(
    [b">a", b">b x", b">c\ty", b"> d", b">", b"ACGT", b"acgt", b"ACG", b"A", b"", b"NNNN", b"L", b" "]
)
_end = st.sampled_from([b"\n"] * 6 + [b"\r\n", b"\r\n", b"\r", b""])
_lines = st.lists(st.tuples(_line | st.binary(max_size=5), _end), max_size=14)
_anything = _lines.map(lambda parts: b"".join(line + end for line, end in parts))


@st.composite
def _nearly_sound(draw: st.DrawFn) -> bytes:
    parts = []
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    for number in range(draw(st.integers(1, 5))):
        width, length = draw(st.integers(1, 9)), draw(st.integers(1, 40))
        bases = (b"ACGTacgtNryKM" * 4)[:length]
        parts += [b">s%d" % number, *(bases[i : i + width] for i in range(0, length, width))]
        parts += [b""] * draw(st.sampled_from([0, 0, 0, 1]))
    text = bytearray(end.join(parts) + draw(st.sampled_from([end, b"", b"\r"])))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 3))] = draw(
            st.sampled_from([b"", b"\n", b"\r", b">", b" ", b"A", b"\0", b"E", b"\r\n", b"\n>s1\n"])
        )
    return bytes(text)


@settings(max_examples=2000, deadline=None)
@given(st.one_of(_anything, _nearly_sound()), st.randoms(use_true_random=False))
def test_the_kernel_agrees_with_the_reference(text: bytes, rng: random.Random) -> None:
    expected = fasta_parser.parse(text)
    found, _ = scan(cut(text, rng))
    if (found.rule or "").startswith(("fasta.is-", "fasta.byte-order", "fasta.compressed")):
        assert expected.rule == "fasta.header"
    else:
        assert found == expected


@settings(max_examples=600, deadline=None)
@given(text=st.one_of(_anything, _nearly_sound()))
@example(text=b">a\n\r\n>b\nA\n")
@example(text=b">a\nA\n\r\nA\n")
def test_an_index_is_samtools_own_or_there_is_a_reason(folder: Path, text: bytes) -> None:
    """What samtools takes and we do not: what it passes over in silence, or indexes wrongly."""
    verdict, _ = scan([text])
    if verdict.rule is None:
        assert verdict.fai == faidx(folder, text)


def test_every_byte_is_judged() -> None:
    for byte in set(range(256)) - {10, 13}:
        expected = fasta_parser.parse(b">a\n" + b"A" * 40 + bytes([byte]) + b"A" * 9 + b"\n")
        assert scan([b">a\n" + b"A" * 40, bytes([byte]) + b"A" * 9 + b"\n"])[0] == expected, byte


def test_the_place_of_a_bad_base_is_told() -> None:
    text = FastaText(Md5())
    with pytest.raises(Refusal, match=r"'-' at position 131 of 'b'") as refused:
        text.feed(b">a\nACGT\n>b x\n" + (b"A" * 60 + b"\n") * 2 + b"A" * 10 + b"-\n")
    assert (refused.value.record, refused.value.offset) == (2, 8)


def test_a_line_is_no_longer_than_an_index_can_hold() -> None:
    scanner, mebibyte = kernel.Scanner(), b"A" * (1 << 20)
    scanner.feed(b">a\n")
    for _ in range(4095):
        scanner.feed(mebibyte)
    scanner.feed(mebibyte[:-1])
    assert not scanner.fault
    scanner.feed(b"\n")
    assert scan_refusal(scanner).rule == "fasta.line-too-long"

"""Whether two files hold mates: their name hashes compared in lockstep, whichever file is ahead.

The first TRIAL pairs decide what is asked. All agree: so must every later pair. Some agree: the first difference is
the fault. None agree, but the files share names: one is out of step from the beginning. None agree and none are
shared: the names follow no rule that we know, and only the counts are compared.
"""

from dataclasses import dataclass

TRIAL = 1000
_WORD = 8

NEVER_AGREE = "The read names of SOURCE1 and SOURCE2 never agree, so only the numbers of reads were compared."


@dataclass(frozen=True)
class MatesFault:
    """Why two files are not mates: the rule, a sentence, and the pair (1-based) where it shows."""

    rule: str
    text: str
    record: int | None


class Mates:
    """Takes the hashes of both sides (0 and 1) in order, each at its own pace, and finds the first fault.

    `fault` is None while there is none; `never_agree` says that only counts are compared.
    """

    def __init__(self) -> None:
        self.fault: MatesFault | None = None
        self.never_agree = False
        self._tried = False
        self._pairs = 0
        self._waiting = (bytearray(), bytearray())
        self._reads: list[int | None] = [None, None]

    def feed(self, side: int, hashes: bytes) -> None:
        """Take the next hashes of a side, 8 bytes each."""
        if self.fault or self.never_agree:
            return
        if self._reads[1 - side] is None or self._waiting[1 - side] or not self._tried:
            self._waiting[side].extend(hashes)
        self._compare()

    def end(self, side: int, reads: int) -> None:
        """A side is at its end and had so many reads."""
        self._reads[side] = reads
        self._compare()
        first, second = self._reads
        if self.fault is None and first is not None and second is not None and first != second:
            text = f"SOURCE1 has {first} reads but SOURCE2 has {second}; mates come in pairs"
            self.fault = MatesFault("fastq.mates-count", text, None)

    def waiting(self, side: int) -> int:
        """Bytes of hashes by which a side is ahead of the other."""
        return len(self._waiting[side]) if self._reads[1 - side] is None else 0

    def _compare(self) -> None:
        if not self._tried and all(map(self._can_be_tried, (0, 1))):
            self._try()
        if self._tried:
            self._compare_waiting()

    def _can_be_tried(self, side: int) -> bool:
        return self._reads[side] is not None or len(self._waiting[side]) >= TRIAL * _WORD

    def _try(self) -> None:
        self._tried = True
        first, second = (_words(side[: TRIAL * _WORD]) for side in self._waiting)
        if any(a == b for a, b in zip(first, second, strict=False)):
            return
        unique = len(set(first)) == len(first) and len(set(second)) == len(second)
        if unique and set(first) & set(second):
            self._out_of_step(1)
        elif first and second:
            self.never_agree = True
            self._drop()

    def _compare_waiting(self) -> None:
        first, second = self._waiting
        length = min(len(first), len(second)) // _WORD * _WORD
        one, other = bytes(first[:length]), bytes(second[:length])
        if one != other:
            pairs = zip(_words(one), _words(other), strict=True)
            self._out_of_step(self._pairs + next(i for i, (a, b) in enumerate(pairs, 1) if a != b))
            return
        self._pairs += length // _WORD
        del first[:length], second[:length]
        for side in (0, 1):
            if self._reads[1 - side] is not None and not self._waiting[1 - side]:
                self._waiting[side].clear()

    def _out_of_step(self, record: int) -> None:
        text = f"the mates are out of step: the read name differs from that of SOURCE1's record {record}"
        self.fault = MatesFault("fastq.mates-names", text, record)
        self._drop()

    def _drop(self) -> None:
        for side in self._waiting:
            side.clear()


def _words(hashes: bytes | bytearray) -> list[bytes]:
    return [bytes(hashes[i : i + _WORD]) for i in range(0, len(hashes), _WORD)]

"""The integers of CRAM 2 and 3: ITF-8 for 32 bits and LTF-8 for 64, of 1 to 5 and 1 to 9 bytes; and plain ones."""

import struct

_INT32 = struct.Struct("<i")
_LEADING_ONES = tuple(8 - (~byte & 0xFF).bit_length() for byte in range(256))


class Fields:
    """Integers out of bytes, one after the other from `at` on. Reading past the end raises IndexError."""

    def __init__(self, content: bytes, at: int = 0) -> None:
        self.content, self.at = content, at

    def byte(self) -> int:
        """An unsigned byte."""
        self.at += 1
        return self.content[self.at - 1]

    def int32(self) -> int:
        """Four bytes, little end first."""
        if self.at + 4 > len(self.content):
            raise IndexError
        self.at += 4
        return int(_INT32.unpack_from(self.content, self.at - 4)[0])

    def itf8(self) -> int:
        """A signed 32-bit integer, whose fifth byte gives four bits alone."""
        first = self.content[self.at]
        if first < 0x80:
            self.at += 1
            return first
        if first < 0xF0:
            more = _LEADING_ONES[first]
            return self._rest(first & (0x7F >> more), more)
        value = self._rest(first & 0x0F, 4)
        return _signed(value >> 8 << 4 | value & 0x0F, 32)

    def ltf8(self) -> int:
        """A signed 64-bit integer."""
        first = self.content[self.at]
        more = _LEADING_ONES[first]
        return _signed(self._rest(first & (0x7F >> more), more), 64)

    def _rest(self, value: int, more: int) -> int:
        end = self.at + 1 + more
        if end > len(self.content):
            raise IndexError
        value = value << 8 * more | int.from_bytes(self.content[self.at + 1 : end], "big")
        self.at = end
        return value


def itf8(value: int) -> bytes:
    """A non-negative integer below 2^28 as ITF-8."""
    for more in range(4):
        if value < 1 << (7 * (more + 1)):
            return (value | (0xFF00 >> more & 0xFF) << 8 * more).to_bytes(more + 1, "big")
    raise ValueError(value)


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value

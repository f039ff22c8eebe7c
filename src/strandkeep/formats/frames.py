"""What a worker says to the server: frames of one byte of kind, four bytes of length, and a payload."""

import os
import struct
from collections.abc import Iterator

PROGRESS = 1
NAMES = 2
FACTS = 3
PROBLEM = 4
OUTPUT = 5

#: Exit status of a worker that is out of memory.
NO_MEMORY = 71

#: Stored bytes, bytes of text, reads.
PROGRESS_PAYLOAD = struct.Struct("<QQQ")

#: More than any piece of text can give; a longer frame is not ours.
LONGEST = 4 << 20

_HEAD = struct.Struct("<BI")


def send(descriptor: int, kind: int, payload: bytes) -> None:
    """Write one frame, however often the pipe is full. Raises BrokenPipeError when nobody listens."""
    rest = memoryview(_HEAD.pack(kind, len(payload)) + payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def output(name: str, piece: bytes) -> bytes:
    """The payload of an OUTPUT frame: the name of an output, and a piece of it."""
    return bytes([len(name)]) + name.encode() + piece


def parse_output(payload: bytes) -> tuple[str, bytes]:
    """(name, piece) of the payload of an OUTPUT frame."""
    end = 1 + payload[0]
    return payload[1:end].decode(), payload[end:]


class FrameReader:
    """Frames out of the bytes of a pipe, in whatever pieces they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """Kind and payload of each frame that is whole now. Raises ValueError for a length that no worker sends."""
        self._bytes += piece
        while len(self._bytes) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._bytes)
            if length > LONGEST:
                raise ValueError(f"a frame of {length} bytes")
            if len(self._bytes) < _HEAD.size + length:
                return
            payload = bytes(self._bytes[_HEAD.size : _HEAD.size + length])
            del self._bytes[: _HEAD.size + length]
            yield kind, payload

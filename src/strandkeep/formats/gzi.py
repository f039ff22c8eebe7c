"""The index of a BGZF file by which a place in its text is found, as `bgzip` and `samtools faidx` write it."""

from array import array

from strandkeep.formats.bgzf import Block


class BlockIndex:
    """Where each block that has text begins, but the first: in the file, and in the text."""

    def __init__(self) -> None:
        self._offsets = array("Q")
        self._text = 0

    def __len__(self) -> int:
        """Bytes of the index so far."""
        return 8 + 8 * len(self._offsets)

    def add(self, block: Block) -> None:
        """Take the next block."""
        if block.text and self._text:
            self._offsets.extend((block.start, self._text))
        self._text += len(block.text)

    def content(self) -> bytes:
        """The index of the blocks so far."""
        return (array("Q", [len(self._offsets) // 2]) + self._offsets).tobytes()

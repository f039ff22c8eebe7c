"""That a file is refused. Which rules a format has, and their sentences, stand beside the format.

Light, for every worker imports it.
"""

from typing import Any


class Refusal(Exception):
    """The file is at fault: rule, sentence, record (1-based) and byte offset, where they are known.

    `file` is its number (1-based) among several that make a source; then record and offset count from its beginning.

    The sentence may say `{offset}`, because the file as it came has another one when its head was replaced.
    """

    def __init__(self, rule: str, text: str, record: int | None = None, offset: int | None = None) -> None:
        super().__init__(text)
        self.rule, self.sentence, self.record, self.offset = rule, text, record, offset
        self.file: int | None = None

    @property
    def text(self) -> str:
        """The sentence that a person reads."""
        return self.sentence.replace("{offset}", str(self.offset))

    def told(self) -> dict[str, Any]:
        """It as a worker tells it."""
        return {
            "rule": self.rule,
            "text": self.text,
            "file": self.file,
            "record": self.record,
            "offset": self.offset,
        }


def shown(byte: int) -> str:
    """A byte as a sentence names it; a negative one is none."""
    if byte < 0 or byte == ord("\n"):
        return "nothing"
    return f"'{chr(byte)}'" if 33 <= byte < 127 else f"byte 0x{byte:02X}"

"""That a file is refused. Which rules a format has, and their sentences, stand beside the format.

Light, for every worker imports it.
"""


class Refusal(Exception):
    """The file is at fault: rule, sentence, record (1-based) and byte offset, where they are known."""

    def __init__(self, rule: str, text: str, record: int | None = None, offset: int | None = None) -> None:
        super().__init__(text)
        self.rule, self.text, self.record, self.offset = rule, text, record, offset


def shown(byte: int) -> str:
    """A byte as a sentence names it; a negative one is none."""
    if byte < 0 or byte == ord("\n"):
        return "nothing"
    return f"'{chr(byte)}'" if 33 <= byte < 127 else f"byte 0x{byte:02X}"

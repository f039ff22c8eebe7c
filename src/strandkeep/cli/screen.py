"""Where commands print their tables."""

from rich.console import Console

#: Columns where nobody says how many there are: a file or a program that reads must not get cut lines.
_WIDE = 200


def screen() -> Console:
    """Standard output, as wide as the terminal, or wide when it is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)

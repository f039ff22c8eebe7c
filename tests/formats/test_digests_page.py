"""The worked example of `docs/reference/digests.md`: run as it stands there, and beside our own digests."""

import re
import subprocess
import sys
from pathlib import Path

from .forked_worker import ForkedWorkers

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "digests.md"

#: samtools as a user has it, by pysam.
_SAMTOOLS = f"""samtools() {{
    {sys.executable} -c 'import sys, pysam.samtools as s; getattr(s, sys.argv[1])(*sys.argv[2:], catch_stdout=0)' "$@"
}}
"""


def blocks(language: str) -> list[str]:
    """The code of a language on the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_worked_example_prints_what_the_page_says_and_what_we_find(workers: ForkedWorkers, tmp_path: Path) -> None:
    (script,), (printed,) = blocks("sh"), blocks("text")
    done = subprocess.run(
        ["bash", "-euc", _SAMTOOLS + script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == printed
    bam = workers.examine((tmp_path / "tiny.bam").read_bytes())
    cram = workers.examine((tmp_path / "tiny.cram").read_bytes(), "cram", fasta=str(tmp_path / "tiny.fa"))
    assert bam.facts
    assert cram.facts
    assert [f"{found['text_digest']}  -" for found in (bam.facts, cram.facts)] == printed.splitlines()

"""The example in the reference of digests is repeated as it stands, but for the shell."""

import re
from pathlib import Path

import pytest

from .forked_worker import ForkedWorkers
from .samtools import Samtools

_DIGESTS = Path(__file__).parents[2] / "docs" / "reference" / "digests.md"


@pytest.fixture(scope="module")
def example() -> str:
    found = re.search(r"```sh\n(printf.*?)```", _DIGESTS.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_example_is_true(samtools: Samtools, workers: ForkedWorkers, example: str) -> None:
    texts: dict[str, str] = {}
    for text, name in re.findall(r"printf '(.*)' >>? (\S+)", example):
        texts[name] = texts.get(name, "") + text.replace("\\n", "\n").replace("\\t", "\t")
    for name, text in texts.items():
        (samtools.folder / name).write_text(text)
    fasta, sam = samtools.folder / "ref.fa", samtools.folder / "x.sam"
    samtools.run("faidx", fasta)
    told = re.findall(r"md5sum +# ([0-9a-f]{32})", example)
    files = (("bam", ["-b"]), ("cram", ["-C", "-T", str(fasta)]))
    for (format_, options), digest in zip(files, told, strict=True):
        found = workers.examine(samtools.run("view", *options, sam), format_, fasta=str(fasta))
        assert found.facts
        assert found.facts["text_digest"] == digest

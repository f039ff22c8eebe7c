"""The compiled modules. All else of the distribution is in pyproject.toml."""

from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup

FORMATS = "src/strandkeep/formats"
_QC = ("_qc.pxd", "qc.h")
_ALIGNMENTS = ("_alignments.pxd", "_htslib.pxd", "_record_bytes.pxd", *_QC)


def extension(module: str, *depends: str, htslib: bool = False) -> Extension:
    """A module of ours. A client needs none and no compiler, so each is optional; the server says what is missing.

    What is built on htslib is linked against nothing: `formats/htslib.py` brings pysam's own library, which has no
    name that another could be linked by.
    """
    path = f"src/{module.replace('.', '/')}.pyx"
    include = [FORMATS, *(_htslib_headers() if htslib else [])]
    files = [f"{FORMATS}/{name}" for name in depends]
    return Extension(module, [path], depends=files, include_dirs=include, extra_compile_args=["-O3"], optional=True)


def _htslib_headers() -> list[str]:
    pysam = find_spec("pysam")
    if pysam is None or not pysam.submodule_search_locations:
        return []
    return [str(Path(pysam.submodule_search_locations[0]) / "include" / "htslib")]


setup(
    ext_modules=[
        extension("strandkeep.formats._fasta"),
        extension("strandkeep.formats._fastq", "vectors.h", *_QC),
        extension("strandkeep.formats._md5", "md5.h"),
        extension("strandkeep.formats._qc", *_QC),
        extension("strandkeep.formats._alignments", *_ALIGNMENTS, htslib=True),
        extension("strandkeep.formats._bam", "vectors.h", *_ALIGNMENTS, htslib=True),
        extension("strandkeep.formats._cram", *_ALIGNMENTS, htslib=True),
        extension("strandkeep.blobs._files"),
    ]
)

"""Brings pysam's htslib into this process, and the kernels that are built on it: import those from here.

The kernels are linked against nothing: their symbols are found in the library that pysam carries, which is loaded
here into the global scope. pysam itself is not imported, because that takes longer than a small file does.
"""

import ctypes
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path


def _library() -> Path:
    spec = find_spec("pysam")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("pysam is not installed; install strandkeep[server]")
    found = (Path(spec.submodule_search_locations[0]) / f"libchtslib{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next(path for path in found if path.exists())


ctypes.CDLL(str(_library()), mode=ctypes.RTLD_GLOBAL)

from strandkeep.formats import _alignments, _bam, _cram  # noqa: E402

__all__ = ["_alignments", "_bam", "_cram"]

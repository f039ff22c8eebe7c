"""What a worker does to itself before it looks at a stranger's bytes. Linux in full, elsewhere what there is."""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER_AND_NET = 0x10000000 | 0x40000000
#: stdin, stdout and stderr, which are open.
_STANDARD = 3
_GB = 1_000_000_000


def confine(parent: int, address_space: int) -> None:
    """No cores, no files, no network, `address_space` bytes of memory, and an end when the server ends.

    `parent` is the process id that must be the parent still; otherwise this process exits at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # Best effort: not every kernel lets an ordinary user have a name space of its own.
        libc.unshare(_CLONE_NEWUSER_AND_NET)
        # After unshare, because a change of credentials clears it.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))


def open_no_more() -> None:
    """Let no file and no socket be opened from now on, by whatever name a stranger's bytes may give."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_STANDARD, _STANDARD))


def allow_cpu(base_s: int, s_per_gb: int, text: int) -> None:
    """Let this process use `base_s` CPU seconds and `s_per_gb` more for each GB of the `text` bytes so far."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = base_s + s_per_gb * text // _GB
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))

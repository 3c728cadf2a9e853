"""Keeps the process small: what its start alone needed goes back.

attrs keeps the source of every method that it made (1 MB), for tracebacks that nobody reads here; classes
with slots leave a twin behind; each thread gets an arena of its own from glibc, though only one at a time
runs. Together 1 MiB of 46 with twenty meters, and the garbage collector never again visits what stays.
"""

import ctypes
import gc
import linecache
from typing import Final

MALLOC_OPTIONS: Final = {-8: 1, -1: 64 * 1024, -2: 16 * 1024, -3: 64 * 1024}
"""M_ARENA_MAX, and in bytes M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD (malloc.h of glibc): free memory
goes back at half of the usual size. Another C library has no such function and is left as it is."""


def let_go_of_imports() -> None:
    """To be called when everything is imported and no thread has started."""
    linecache.clearcache()
    for option, value in MALLOC_OPTIONS.items():
        _call("mallopt", option, value)


def let_go_of_start() -> None:
    """To be called when everything runs; takes some 30 ms."""
    gc.collect()
    gc.freeze()
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)

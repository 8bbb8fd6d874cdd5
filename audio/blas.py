"""How many threads numpy's BLAS uses. A process here serves one core: on small products a second thread only costs."""

from __future__ import annotations

import ctypes
import importlib
from typing import Any

from loguru import logger

NAMES = ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads", "openblas_{}_num_threads")
"""OpenBLAS's functions to set and get the number, as numpy's wheels name them (the first two), and distributions."""


def set_blas_threads(count: int) -> bool:
    """Set it for the whole process, at any time. False, with a warning, if this BLAS has no switch that is known."""
    switch = _function("set")
    if switch is None:
        logger.warning("numpy's BLAS is not OpenBLAS: if it starts threads, hold it to one by its environment variable")
        return False
    switch(ctypes.c_int(count))
    return True


def blas_threads() -> int | None:
    """How many it uses; None if that cannot be known."""
    switch = _function("get")
    return None if switch is None else int(switch())


def _function(verb: str) -> Any:
    # The handle of numpy's own extension module: a name is looked up in it and in what it was linked with, so there is
    # no library file to guess. An environment variable would only count before the first import of numpy.
    library = ctypes.CDLL(importlib.import_module("numpy._core._multiarray_umath").__file__)
    return next((getattr(library, n.format(verb)) for n in NAMES if hasattr(library, n.format(verb))), None)

"""Inner loops are plain functions, compiled by numba at their first call.

Every sum that decides a pick is a sum of integers, so neither the order of the additions nor the
number of threads can change it. The kernels release the interpreter lock.
"""

import functools
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Kernel = Callable[..., Any]
Array = NDArray[Any]
"""Of whatever type of number; numba makes a kernel for each."""


@functools.cache
def compiled(kernel: Kernel) -> Kernel:
    """Return the kernel as machine code with strict floating-point semantics."""
    import numba

    built: Kernel = numba.njit(nogil=True, cache=True)(kernel)
    return built


@functools.cache
def reassociated(kernel: Kernel) -> Kernel:
    """Return the same with sums in any order: for bounds, and for exactly representable terms."""
    import numba

    fast = {"reassoc", "contract", "nsz", "nnan"}
    built: Kernel = numba.njit(nogil=True, cache=True, fastmath=fast)(kernel)
    return built

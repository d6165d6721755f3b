"""Products of vectors on a GPU, where torch and a GPU are there; else on the CPU.

Products are exact at the coarse resolution and bounded at the fine one whatever adds them up, as
long as they are real float32: a process that has allowed torch less (TF32) stays on the CPU.
"""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.vectors.fixed_point import FloatArray, IntArray

_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What a machine with a GPU has for torch to talk to: to load torch in vain takes seconds."""
_CELLS = 2**27
_RESERVED = 4 * _CELLS * 3
"""Bytes of a block of products, of its sorted part and of what torch takes for itself."""

log = logging.getLogger(__name__)

Product = Callable[[slice, slice, FloatArray], None]
"""Writes the products of two ranges of rows [rows, columns] into the array that it is given."""


@cache
def accelerator() -> Any | None:
    """Return torch's GPU, None where there is none to be used."""
    if not any(Path(driver).exists() for driver in _DRIVERS):
        return None
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available() or torch.get_float32_matmul_precision() != "highest":
        return None
    log.info("products are made on %s", torch.cuda.get_device_name())
    return torch.device("cuda")


def products(factors: NDArray[np.float32]) -> Product:
    """Return what multiplies ranges of the rows of float32 factors [n, d]."""
    device = _with_memory(factors.nbytes)
    if device is None:

        def on_cpu(rows: slice, columns: slice, out: FloatArray) -> None:
            np.matmul(factors[rows], factors[columns].T, out=out)

        return on_cpu
    import torch

    moved = torch.from_numpy(factors).to(device)

    def on_device(rows: slice, columns: slice, out: FloatArray) -> None:
        torch.from_numpy(out).copy_(moved[rows] @ moved[columns].T)

    return on_device


def nearest_rows(
    base: NDArray[np.float32], queries: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], IntArray]:
    """Compare every query [m, d] with every row of a base [n, d].

    Returns:
        The largest products of each query [m, count], in descending order, and their rows.
    """
    device = _with_memory(base.nbytes + queries.nbytes)
    if device is None:
        import faiss

        dots, at = faiss.knn(queries, base, count, metric=faiss.METRIC_INNER_PRODUCT)
        return dots, at
    import torch

    moved = torch.from_numpy(base).to(device)
    dots, at = (
        np.empty((len(queries), count), np.float32),
        np.empty((len(queries), count), np.int64),
    )
    step = max(_CELLS // len(base), 1)
    for start in range(0, len(queries), step):
        part = torch.from_numpy(queries[start : start + step]).to(device)
        best = torch.topk(part @ moved.T, count, dim=1)
        dots[start : start + step] = best.values.cpu().numpy()
        at[start : start + step] = best.indices.cpu().numpy()
    return dots, at


def _with_memory(size: int) -> Any | None:
    """Return the GPU if so many bytes and a block of products fit into what is free there."""
    device = accelerator()
    if device is None or device.type == "cpu":
        return device
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return device if size + _RESERVED < free else None

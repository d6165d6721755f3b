"""The number format in which a transformer multiplies on this machine."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

AUTO, FLOAT32, BFLOAT16 = "auto", "float32", "bfloat16"
PRECISIONS = (AUTO, FLOAT32, BFLOAT16)
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def used_precision(asked: str) -> str:
    """Give `bfloat16` or `float32`; `auto` is bfloat16 where the CPU multiplies it.

    A CPU that has to convert bfloat16 to float32 first is several times slower with it than in
    float32.

    Raises:
        InvalidInput: the name is none of PRECISIONS.
    """
    if asked not in PRECISIONS:
        raise InvalidInput(not_allowed("precision", asked, PRECISIONS))
    if asked != AUTO:
        return asked
    return BFLOAT16 if multiplies_bfloat16() else FLOAT32


def multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether the CPU has AVX512-BF16 or AMX-BF16; False where Linux does not say."""
    if not cpuinfo.exists():
        return False
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _BFLOAT16_FLAGS.isdisjoint(flags.split())


def torch_dtype(precision: str) -> Any:
    """Give torch's name of a precision that `used_precision` gave."""
    import torch

    return torch.bfloat16 if precision == BFLOAT16 else torch.float32


def multiplying_in(precision: str) -> AbstractContextManager[Any]:
    """Return a block in which torch's CPU multiplies in a precision; weights stay as they are."""
    import torch

    if precision != BFLOAT16:
        return nullcontext()
    block: AbstractContextManager[Any] = torch.autocast("cpu", torch.bfloat16)
    return block

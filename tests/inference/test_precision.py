from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.inference import precision
from dynosaur_etl.inference.precision import multiplies_bfloat16, used_precision


@pytest.mark.parametrize(
    ("flags", "found"),
    [("fpu avx2 avx512f", False), ("avx512f avx512_bf16", True), ("amx_bf16 amx_tile", True)],
)
def test_the_cpu_tells_whether_it_multiplies_bfloat16(
    tmp_path: Path, flags: str, found: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : {flags}\nbugs : avx512_bf16\n")
    assert multiplies_bfloat16(cpuinfo) is found
    assert not multiplies_bfloat16(tmp_path / "none")


def test_auto_follows_the_cpu_and_a_name_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, used in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(precision, "multiplies_bfloat16", lambda has=has: has)
        assert used_precision("auto") == used
        assert used_precision("float32") == "float32"
        assert used_precision("bfloat16") == "bfloat16"
    with pytest.raises(InvalidInput, match="bfloat16, float32"):
        used_precision("int8")

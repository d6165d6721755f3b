"""What training's tests share: they need the extra, and skip without it."""

import pytest

pytest.importorskip("trl", reason="the extra [train] is not installed")

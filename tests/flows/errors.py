"""Errors of all kinds, as hostile data and defects of libraries raise them."""

import zlib
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st


class Speechless(Exception):
    """An error that cannot even be worded."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Manifold(ValueError):
    """An error with arguments of its own, as some libraries' are."""

    def __init__(self, first: object, second: object) -> None:
        super().__init__(first, second)


WORDS = st.text(max_size=40) | st.sampled_from(["", "a\nb\nc", "\x00", "\ud800", "x" * 5_000])
PLAIN: tuple[type[Exception], ...] = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, Exception, IndexError,
    FloatingPointError, ImportError, KeyError, LookupError, MemoryError, NameError, OSError,
    NotImplementedError, OverflowError, RecursionError, ReferenceError, RuntimeError, ValueError,
    StopIteration, SyntaxError, SystemError, TypeError, UnboundLocalError, UnicodeError,
    ZeroDivisionError, zlib.error, pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowKeyError,
    pa.ArrowNotImplementedError, pa.ArrowMemoryError, pa.ArrowCapacityError, pa.ArrowException,
)  # fmt: skip


def errors() -> st.SearchStrategy[Exception]:
    """Draw an error that no step foresees and none raises on purpose."""
    plain: Any = st.builds(lambda kind, words: kind(words), st.sampled_from(PLAIN), WORDS)
    return plain | st.sampled_from(
        [
            Speechless(),
            Manifold("x", {}),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            ExceptionGroup("two", [ValueError("one"), OverflowError("two")]),
            OSError(5, "Input/output error"),
            KeyError(("a", 1)),
        ]
    )

"""The language that a text is written in."""

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

LEAST_CONFIDENCE = 0.5
SURE_CONFIDENCE = 0.95
SURE_LETTERS = 40
SEVERAL_LANGUAGES = frozenset({"multilingual", "mul"})
"""What a card says that names no language but that there are several."""
CODE = "code"
"""What a card says that holds programs; their language cannot be told from the text."""
_NO_LANGUAGE = "zxx"


def text_language(text: str) -> str | None:
    """Return the ISO 639 code of a text's language, None where it is not clear.

    The same text always gives the same answer: the model comes with the `py3langid` package.
    """
    code, confidence = _identifier().classify(text)
    return None if code == _NO_LANGUAGE or confidence < LEAST_CONFIDENCE else str(code)


def clear_language(text: str) -> str | None:
    """Return the code of a language that a text is surely in; None for short and unclear ones."""
    if sum(map(str.isalpha, text)) < SURE_LETTERS:
        return None
    code, confidence = _identifier().classify(text)
    return None if code == _NO_LANGUAGE or confidence < SURE_CONFIDENCE else str(code)


def are_several(codes: Iterable[str], allowed: Collection[str]) -> bool:
    """Return whether a card names other languages than the allowed ones, and no programs."""
    named = {code.partition("-")[0] for code in codes}
    return CODE not in named and not named <= set(allowed)


@cache
def _identifier() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped]
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

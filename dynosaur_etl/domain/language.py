"""The language that a text is written in."""

from functools import cache
from typing import Any

LEAST_CONFIDENCE = 0.5
_NO_LANGUAGE = "zxx"


def text_language(text: str) -> str | None:
    """Return the ISO 639 code of a text's language, None where it is not clear.

    The same text always gives the same answer: the model comes with the `py3langid` package.
    """
    code, confidence = _identifier().classify(text)
    return None if code == _NO_LANGUAGE or confidence < LEAST_CONFIDENCE else str(code)


@cache
def _identifier() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped]
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

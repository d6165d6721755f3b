"""The identifier of languages; its model comes with the `py3langid` package."""

from functools import cache
from typing import Any


def classify(text: str) -> tuple[str, float]:
    """Give the ISO 639 code of a text's likeliest language, and its probability in [0, 1]."""
    code, confidence = _identifier().classify(text)
    return str(code), float(confidence)


@cache
def _identifier() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped]
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

"""A config and rows that the tests of this room share."""

from typing import Any

from dynosaur_etl.domain.models import Config

FEATURES: dict[str, Any] = {
    "evidence": {"_type": "Value", "dtype": "string"},
    "question": {"_type": "Value", "dtype": "string"},
    "answer": {"_type": "Value", "dtype": "string"},
    "mood": {"_type": "ClassLabel", "names": ["good", "bad", "mixed"]},
    "stars": {"_type": "Value", "dtype": "int32"},
    "source": {"_type": "Value", "dtype": "string"},
    "empty": {"_type": "Value", "dtype": "string"},
    "choices": {"_type": "List", "feature": {"_type": "Value", "dtype": "string"}},
    "meta": {"author": {"_type": "Value", "dtype": "string"}, "scan": {"_type": "Image"}},
}


def make_config(features: dict[str, Any] | None = None, name: str = "default") -> Config:
    features = FEATURES if features is None else features
    return Config("riverside/cafe-reviews", "0123456789abcdef" * 2, name, features, {"train": 9})


def make_rows(number: int = 9) -> list[dict[str, Any]]:
    return [
        {
            "evidence": f"evidence {n}",
            "question": f"question {n}",
            "answer": f"answer {n}",
            "mood": n % 3,
            "stars": n % 5,
            "source": "the same",
            "empty": None if n % 2 else "  ",
            "choices": ["a", "b"],
            "meta": {"author": "x", "scan": None},
        }
        for n in range(number)
    ]

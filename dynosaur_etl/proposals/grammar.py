"""The words of `grammar.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


def word_list(name: str) -> frozenset[str]:
    """Give a list of words."""
    return frozenset(str(_grammar()[name]).split())


def phrase_table(name: str) -> Mapping[str, str]:
    """Give a table from words to the phrases that they stand for."""
    return {str(word): str(phrase) for word, phrase in _grammar()[name].items()}


@cache
def _grammar() -> dict[str, Any]:
    text = files("dynosaur_etl.proposals").joinpath("grammar.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

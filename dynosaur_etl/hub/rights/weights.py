"""The two linear classifiers; `python -m labels.licences.train` makes their weights."""

import gzip
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import sqrt
from typing import Any

WEIGHTS = "weights.json.gz"


@dataclass(frozen=True)
class LinearModel:
    """Logistic regression over a set of features, each of which counts 1 / sqrt(their number)."""

    bias: float
    weights: Mapping[str, float]

    def score(self, features: Collection[str]) -> float:
        """Return the log-odds of yes; 0 is even."""
        weights = self.weights
        total = sum(weights.get(feature, 0.0) for feature in features)
        return self.bias + total / sqrt(len(features) or 1)


@dataclass(frozen=True)
class RightsModel:
    """What is asked of a statement.

    Attributes:
        restricts: does it bind the use of the data more than an open licence does?
        applies: does a licence that it names hold for the data, or a part of them?
    """

    restricts: LinearModel
    applies: LinearModel


@cache
def model_digest() -> str:
    """Return the digest of the weights and of the vocabulary that they were made with."""
    folder = files("dynosaur_etl.hub.rights")
    parts = (folder.joinpath(name).read_bytes() for name in (WEIGHTS, "vocabulary.toml"))
    return sha256(b"\n".join(parts)).hexdigest()


@cache
def packaged_model() -> RightsModel:
    """Read the weights that come with the package, once a process."""
    return read_model(files("dynosaur_etl.hub.rights").joinpath(WEIGHTS).read_bytes())


def read_model(content: bytes) -> RightsModel:
    """Read weights as `write_model` writes them."""
    stored: Any = json.loads(gzip.decompress(content))
    return RightsModel(**{name: LinearModel(**parts) for name, parts in stored.items()})


def write_model(model: RightsModel) -> bytes:
    """Return the weights as compressed JSON; the same weights give the same bytes."""
    parts = {name: vars(part) for name, part in vars(model).items()}
    content = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return gzip.compress(content.encode(), mtime=0)

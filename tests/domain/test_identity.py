"""The canonical JSON that names are made from."""

from dataclasses import dataclass

import pytest

from dynosaur_etl.domain.identity import canonical_json, digest


@dataclass(frozen=True)
class Rules:
    kind: str
    pairs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Outer:
    rules: Rules


def test_a_dataclass_has_the_json_of_a_dict_of_its_fields() -> None:
    rules = Rules("k", (("a", 1),))
    plain = {"pairs": [["a", 1]], "kind": "k"}
    assert canonical_json(rules) == canonical_json(plain)
    assert digest("step", Outer(rules)) == digest("step", {"rules": plain})
    with pytest.raises(TypeError, match="type has no canonical JSON"):
        canonical_json(Rules)

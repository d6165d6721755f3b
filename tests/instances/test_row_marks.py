"""Rows that name a licence or a language of their own."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.language import are_several
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.instances.row_marks import (
    AllowedRows,
    judge_marks,
    marking_fields,
    other_languages,
)

ALLOWED = AllowedRows(("mit", "apache-2.0", "cc-by-4.0", "odc-by"), ("en",))
ENGLISH = "The boat left the harbour at noon and came back late in the evening."
GERMAN = "Das Boot verließ mittags den Hafen und kam erst spät am Abend zurück."
FRENCH = "Le bateau a quitté le port à midi et n'est revenu que tard dans la soirée."


def kept_of(name: str, values: list[Any], kind: FieldKind = FieldKind.TEXT, *labels: str) -> Any:
    """Return the values that are admitted, and what the others are refused for."""
    rows = pa.table({name: pa.array(values)})
    fields = marking_fields([Field(name, kind, labels)])
    left, rejected = judge_marks(rows, fields, ALLOWED).admitted(rows)
    assert left.num_rows + sum(rejected.values()) == len(values)
    return left[name].to_pylist(), rejected


@pytest.mark.parametrize(
    ("name", "values", "kept"),
    [
        ("license", ["mit", "MIT License", "cc-by-nc-4.0", None], ["mit", "MIT License", None]),
        ("licence", ["Apache 2.0", "gpl-3.0", "unknown"], ["Apache 2.0"]),
        ("License", ["CC BY 4.0", "other", "proprietary", ""], ["CC BY 4.0", ""]),
        ("license_name", ["odc-by", "CC BY-NC-SA 4.0"], ["odc-by"]),
        ("license", ["mit or gpl-3.0", "mit and gpl-3.0", "mit"], ["mit or gpl-3.0", "mit"]),
        ("lang", ["en", "de", "eng", "English", "fra", None], ["en", "eng", "English", None]),
        ("language", ["EN-us", "pt-BR", "not said"], ["EN-us", "not said"]),
    ],
)
def test_a_row_is_refused_for_what_its_column_names(
    name: str, values: list[Any], kept: list[Any]
) -> None:
    left, rejected = kept_of(name, values)
    assert left == kept
    reasons = {reason for reason, _ in rejected}
    is_language = name.lower().startswith("lang")
    wanted = Reason.LANGUAGE_NOT_ALLOWED if is_language else Reason.LICENCE_NOT_ALLOWED
    assert reasons == {wanted}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("license", ["B-AB 123", "M-XY 99", "HH-C 7"]),
        ("license", ["driver", "fishing", "mit"]),
        ("licensed_by", ["cc-by-nc-4.0"]),
        ("slang", ["de"]),
    ],
)
def test_other_columns_refuse_nothing(name: str, values: list[str]) -> None:
    assert kept_of(name, values) == (values, Counter())


def test_classes_refuse_by_their_names() -> None:
    left, rejected = kept_of("language", [0, 1, 1, None, 7], FieldKind.LABEL, "english", "german")
    assert left == [0, None, 7]
    assert rejected == Counter({(Reason.LANGUAGE_NOT_ALLOWED, "de, as the row says"): 2})


def test_a_task_about_languages_is_not_judged_by_them() -> None:
    fields = [Field(name, FieldKind.TEXT) for name in ("text", "Language", "license")]
    both = marking_fields(fields, ["text"])
    assert [field.name for field in both] == ["Language", "license"]
    assert marking_fields(fields, ["text", "Language"]) == both[1:]
    assert marking_fields(fields, ["license"]) == both


def test_texts_tell_their_language_where_they_are_long_enough() -> None:
    texts = [ENGLISH, GERMAN, FRENCH, "Das Boot", "12 34 56 " * 20, "", GERMAN.upper()]
    found = other_languages(texts, ("en",))
    assert set(found) >= {1, 2}
    assert not set(found) & {0, 3, 4, 5}
    assert found[1] == (Reason.LANGUAGE_NOT_ALLOWED, "de, as the text shows")
    assert other_languages(texts[:3], ("en", "de", "fr")) == {}


@pytest.mark.parametrize(
    ("codes", "several"),
    [
        ([], False), (["en"], False), (["en-US"], False), (["multilingual"], True),
        (["en", "mul"], True), (["en", "de"], True), (["en", "fr", "code"], False),
    ],
)  # fmt: skip
def test_a_card_says_whether_texts_decide(codes: list[str], several: bool) -> None:
    assert are_several(codes, ("en",)) is several

import pytest

from dynosaur_etl.domain.features import Field, FieldKind, fields_of, usable_fields

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "big": {"dtype": "large_string", "_type": "Value"},
    "stars": {"dtype": "int32", "_type": "Value"},
    "price": {"dtype": "float64", "_type": "Value"},
    "open": {"dtype": "bool", "_type": "Value"},
    "when": {"dtype": "timestamp[s]", "_type": "Value"},
    "blob": {"dtype": "binary", "_type": "Value"},
    "mood": {"names": ["bad", "good"], "_type": "ClassLabel"},
    "choices": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    "old_list": [{"dtype": "string", "_type": "Value"}],
    "scores": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"},
    "answers": {"feature": {"text": {"dtype": "string", "_type": "Value"}}, "_type": "Sequence"},
    "meta": {"a": {"dtype": "string", "_type": "Value"}},
    "album": {"photo": {"_type": "Image"}, "title": {"dtype": "string", "_type": "Value"}},
    "albums": {"feature": {"pages": [{"_type": "Image"}]}, "_type": "List"},
    "pair": {"languages": ["de", "en"], "_type": "Translation"},
    "photo": {"_type": "Image"},
    "sounds": {"feature": {"_type": "Audio"}, "_type": "List"},
    "grid": {"shape": [2, 2], "dtype": "int8", "_type": "Array2D"},
}
KINDS = {
    "text": "text", "big": "text", "stars": "number", "price": "number", "open": "boolean",
    "when": "time", "blob": "media", "mood": "label", "choices": "text_list",
    "old_list": "text_list", "scores": "number_list", "answers": "nested", "meta": "nested",
    "album": "media", "albums": "media", "pair": "translation", "photo": "media",
    "sounds": "media", "grid": "other",
}  # fmt: skip


def test_every_kind_of_feature_is_recognised_by_type_and_never_by_name() -> None:
    assert {field.name: str(field.kind) for field in fields_of(FEATURES)} == KINDS


def test_the_names_of_a_class_label_keep_their_order() -> None:
    [mood] = fields_of({"mood": FEATURES["mood"]})
    assert mood == Field("mood", FieldKind.LABEL, ("bad", "good"))


def test_usable_fields_are_scalars_lists_of_text_and_nested_text() -> None:
    fields = usable_fields(fields_of(FEATURES))
    outputs = ["text", "big", "stars", "price", "open", "when", "mood"]
    assert [field.name for field in fields] == [
        *outputs, "choices", "old_list", "answers", "meta",
    ]  # fmt: skip
    assert [field.name for field in fields if field.can_be_output] == outputs


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        3,
        "Value",
        [],
        [1, 2],
        {"_type": "New"},
        {"_type": 7},
        {"_type": []},
        {"_type": "List", "feature": {"_type": []}},
    ],
)
def test_a_feature_of_no_known_form_is_no_usable_field(hostile: object) -> None:
    assert usable_fields(fields_of({"x": hostile})) == ()

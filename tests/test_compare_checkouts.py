"""What two checkouts made is compared whole."""

from tests.compare_checkouts import differences

MADE = {"table": {"tasks": ["a", "b"], "verdicts": []}, "file": {"instances/1.parquet": "f0"}}


def test_what_is_the_same_has_no_difference() -> None:
    assert differences(MADE, {kind: dict(found) for kind, found in MADE.items()}) == []


def test_what_differs_or_is_missing_is_named() -> None:
    other = {"table": {"tasks": ["a"], "verdicts": []}, "file": {"instances/2.parquet": "f0"}}
    expected = ["table tasks", "file instances/1.parquet", "file instances/2.parquet"]
    assert differences(MADE, other) == expected

"""When models end, and that the default is a model of today."""

import ast
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dynosaur_etl.llm.lifecycle import load_lifecycle, read_day
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OPENAI = "https://api.openai.com/v1"
DEFAULT = Settings.model_fields["llm_model"].default
TODAY = datetime.now(UTC).date()


def test_the_default_does_not_end_within_90_days() -> None:
    """An old release tells of itself: write the table anew, and choose another default."""
    end = load_lifecycle().end(OPENAI, DEFAULT)
    assert end is None or end.days_left(TODAY) >= 90, end


def test_the_default_is_the_cheapest_current_model_with_a_schema() -> None:
    table = load_lifecycle()
    assert DEFAULT in table.structured["openai"]
    assert table.cheapest(OPENAI, load_prices(server=OPENAI), TODAY) == DEFAULT


def test_the_price_of_the_default_is_known() -> None:
    prices = load_prices(server=OPENAI)
    assert prices.price(DEFAULT) is not None
    assert prices.in_batch().price(DEFAULT) is not None


@pytest.mark.parametrize(
    ("model", "ends_on", "successor"),
    [
        ("gpt-4o-mini", date(2027, 1, 14), "gpt-6-luna"),
        ("gpt-4.1-nano", date(2026, 10, 23), None),
        ("gpt-5-mini", date(2026, 12, 11), "gpt-5.6-terra"),
    ],
)
def test_the_table_knows_ends_and_successors(
    model: str, ends_on: date, successor: str | None
) -> None:
    end = load_lifecycle().end(OPENAI, model)
    assert end is not None
    assert end.ends_on == ends_on
    if successor:
        assert end.successor == successor
    assert "LiteLLM" in end.source


def test_the_servers_word_goes_before_the_table() -> None:
    end = load_lifecycle().end(OPENAI, "gpt-4o-mini", "2027-06-30T00:00:00Z")
    assert end is not None
    assert (end.ends_on, end.source) == (date(2027, 6, 30), "the server")
    assert end.successor == "gpt-6-luna"


def test_a_name_behind_a_gateway_is_known_and_that_of_an_open_model_is_not() -> None:
    table = load_lifecycle()
    assert table.end("http://gateway/v1", "openai/gpt-4o-mini") is not None
    assert table.end("http://gateway/v1", "gpt-4o-mini") is not None
    assert table.end("http://127.0.0.1:8000/v1", "my-own") is None
    assert table.end("https://api.mistral.ai/v1", "gpt-4o-mini") is None


@pytest.mark.parametrize(("days", "near"), [(-3, True), (0, True), (60, True), (61, False)])
def test_an_end_is_near_60_days_ahead(tmp_path: Path, days: int, near: bool) -> None:
    planted = (TODAY + timedelta(days=days)).isoformat()
    path = tmp_path / "lifecycle.json"
    facts = {"openai": {"planted": [planted, "next"]}}
    path.write_text(json.dumps({"source": "s", "read_on": "d", "ends": facts, "structured": {}}))
    end = load_lifecycle(path).end(OPENAI, "planted")
    assert end is not None
    assert (end.is_near(TODAY), end.days_left(TODAY)) == (near, days)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-01-14", date(2027, 1, 14)),
        ("2027-01-14T10:00:00Z", date(2027, 1, 14)),
        ("1799884800", date(2027, 1, 14)),
        ("soon", None),
        ("9" * 40, None),
        ("", None),
        (None, None),
    ],
)
def test_days_are_read_in_each_form(text: str | None, day: date | None) -> None:
    assert read_day(text) == day


def test_no_part_of_the_product_knows_a_model_by_its_name() -> None:
    """The default, a setting, is the one name; its own test says when it is out of date."""
    table = load_lifecycle()
    known = {
        name for models in (table.ends, table.structured) for of in models.values() for name in of
    }
    named = {
        (path.name, part.value)
        for folder in ("dynosaur_etl", "plugins", "dags")
        for path in (ROOT / folder).rglob("*.py")
        for part in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(part, ast.Constant) and part.value in known
    }
    assert len(known) > 100
    assert named == {("fields.py", DEFAULT)}

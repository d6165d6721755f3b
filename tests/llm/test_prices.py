from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.llm.prices import load_prices
from tests.llm.asking import make_request

PRICES = load_prices()


def test_an_answer_costs_its_tokens_with_cached_ones_apart() -> None:
    cost = PRICES.cost("gpt-4o-mini", 1_000_000, 400_000, 500_000)
    assert cost == Decimal("0.6") * Decimal("0.15") + Decimal("0.4") * Decimal("0.075") + Decimal(
        "0.5"
    ) * Decimal("0.60")


def test_small_amounts_are_exact() -> None:
    assert PRICES.cost("gpt-4.1-nano", 7, 3, 1) == Decimal("0.000000875")


def test_a_model_without_a_cached_price_pays_full() -> None:
    assert PRICES.cost("gpt-3.5-turbo", 100, 100, 0) == PRICES.cost("gpt-3.5-turbo", 100, 0, 0)


def test_a_dated_model_costs_what_its_family_does() -> None:
    assert PRICES.cost("gpt-4o-2024-08-06", 10, 0, 10) == PRICES.cost("gpt-4o", 10, 0, 10)
    assert PRICES.cost("gpt-4o-audio", 10, 0, 10) is None


@pytest.mark.parametrize("usage", [(None, 0, 1), (1, 0, None), (None, None, None)])
def test_a_cost_without_usage_is_unknown(usage: tuple[int | None, int | None, int | None]) -> None:
    assert PRICES.cost("gpt-4o", *usage) is None
    assert PRICES.cost("gpt-4o", 1, None, 1) is not None


@given(st.text(max_size=300))
def test_the_upper_bound_covers_a_token_for_every_byte(text: str) -> None:
    request = make_request(text)
    sent = request.messages[0]["content"].encode()
    worst = PRICES.cost("gpt-4o-mini", len(sent), 0, request.max_tokens)
    assert worst is not None
    bound = PRICES.upper_bound(request)
    assert bound is not None
    assert bound >= worst


def test_a_model_without_a_price_has_no_bound() -> None:
    assert PRICES.upper_bound(make_request("x", model="my-own")) is None


def test_a_batch_costs_half_and_the_version_says_so() -> None:
    batch = PRICES.in_batch()
    request = make_request("x")
    for usage in ((1_000_000, 400_000, 500_000), (7, 3, 1)):
        live = PRICES.cost("gpt-4o-mini", *usage)
        assert live is not None
        assert batch.cost("gpt-4o-mini", *usage) == live / 2
    assert batch.upper_bound(request) == PRICES.upper_bound(request) / 2
    assert batch.version == f"{PRICES.version} batch"
    assert batch.cost("no-such-model", 1, 0, 1) is None


def test_a_table_may_state_the_batch_price(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    stated = "[models.m.batch]\ninput = 0.9\noutput = 2\n"
    path.write_text(f'version = "mine"\n[models.m]\ninput = 1\noutput = 2.5\n{stated}')
    prices = load_prices(path)
    assert prices.cost("m", 1_000_000, 0, 1_000_000) == Decimal("3.5")
    assert prices.in_batch().cost("m", 1_000_000, 1_000_000, 1_000_000) == Decimal("2.9")


def test_a_file_replaces_the_table(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('version = "mine"\n[models."m"]\ninput = 1\noutput = 2.5\n')
    prices = load_prices(path)
    assert prices.version == "mine"
    assert prices.cost("m", 1_000_000, 0, 1_000_000) == Decimal("3.5")
    assert prices.cost("gpt-4o", 1, 0, 1) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("version = ", "prices.toml"),
        ('version = "1"', "models"),
        ("[models]", "version"),
        (
            'version = "1"\n[models.m]\ninput = 1\noutput = 1\n[models.m.batch]\ninput = 1',
            "batch: received",
        ),
        ('version = "1"\n[models.m]\ninput = 1', "input, output"),
        ('version = "1"\n[models.m]\ninput = 1\noutput = 1\nextra = 1', "extra"),
        ('version = "1"\n[models.m]\ninput = "cheap"\noutput = 1', "cheap"),
        ('version = "1"\n[models.m]\ninput = -1\noutput = 1', "-1"),
        ('version = "1"\n[models.m]\ninput = inf\noutput = 1', "(?i)inf"),
        ('version = "1"\nmodels = {m = 3}', "3"),
    ],
)
def test_a_bad_table_is_refused_with_what_is_wrong(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=complaint):
        load_prices(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.toml"):
        load_prices(tmp_path / "none.toml")

"""What answers cost: by the package, by a user's own file over it, and never a guess."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.chat import TokenCounts
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.money import rounded_up
from dynosaur_etl.llm.prices import load_prices
from tests.llm.asking import make_request

OPENAI = "https://api.openai.com/v1"
PRICES = load_prices(server=OPENAI)
MILLION = 1_000_000


def tokens(
    prompt: int | None, cached: int | None = 0, completion: int | None = 0, written: int | None = 0
) -> TokenCounts:
    return TokenCounts(prompt, cached, written, completion)


COUNTS = st.builds(
    lambda fresh, cached, written, completion: tokens(
        fresh + cached + written, cached, completion, written
    ),
    *[st.integers(0, 400_000)] * 4,
)
MODELS = [
    (OPENAI, "gpt-6-luna"),
    (OPENAI, "gpt-4o-mini"),
    (OPENAI, "gpt-5-nano"),
    ("https://api.anthropic.com/v1", "claude-sonnet-4-5"),
    ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-2.5-flash"),
    ("https://api.mistral.ai/v1", "mistral-small-latest"),
    ("https://api.deepseek.com", "deepseek-chat"),
]


@pytest.mark.parametrize(("server", "model"), MODELS)
@pytest.mark.parametrize("tier", ["default", "batch", "flex"])
@given(counts=COUNTS)
def test_an_answer_costs_what_the_package_says(
    server: str, model: str, tier: str, counts: TokenCounts
) -> None:
    """The package's own arithmetic, which is slow, beside ours."""
    table = load_prices(server=server)
    table = table.in_batch() if tier == "batch" else table
    usage = Usage(
        input_tokens=counts.prompt,
        cache_read_tokens=counts.cached,
        cache_write_tokens=counts.written,
        output_tokens=counts.completion,
    )
    context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier}
    expected = calc_price(
        usage, model, provider_api_url=server, price_context=context,
        genai_request_timestamp=datetime.now(UTC).replace(hour=0, minute=0),
    )  # fmt: skip
    assert table.cost(model, counts, tier) == rounded_up(expected.total_price)


def test_the_price_of_a_current_model_is_that_of_its_list() -> None:
    """0.10 in, 0.01 from the cache, 0.125 into it, 0.50 out; half of each in a batch."""
    counts = tokens(3 * MILLION // 100, MILLION // 100, MILLION, MILLION // 100)
    live = PRICES.cost("gpt-6-luna", counts)
    assert live == Decimal("0.001") + Decimal("0.0001") + Decimal("0.00125") + Decimal("0.50")
    assert PRICES.in_batch().cost("gpt-6-luna", counts) == live / 2
    assert PRICES.cost("gpt-6-luna", counts, "flex") == live / 2


def test_a_long_prompt_costs_the_rate_of_its_size() -> None:
    short = PRICES.cost("gpt-6-luna", tokens(272_000))
    long = PRICES.cost("gpt-6-luna", tokens(272_001))
    assert short is not None
    assert long is not None
    assert 1.99 < long / short < 2.01


@pytest.mark.parametrize("counts", [tokens(None), tokens(1, 0, None), tokens(None, None, None)])
def test_a_cost_without_usage_is_unknown(counts: TokenCounts) -> None:
    assert PRICES.cost("gpt-4o", counts) is None
    assert PRICES.cost("gpt-4o", tokens(1, None, 1, None)) is not None


@pytest.mark.parametrize("model", ["my-own", "gpt-99-nobody", ""])
def test_a_model_that_nobody_knows_has_no_price_and_no_bound(model: str) -> None:
    assert PRICES.cost(model, tokens(10, 0, 10)) is None
    assert PRICES.origin(model) is None
    assert PRICES.upper_bound(make_request("x", model=model)) is None


def test_a_server_that_is_not_known_is_priced_by_the_name() -> None:
    gateway = load_prices(server="http://gateway.example/v1")
    assert gateway.cost("gpt-4o-mini", tokens(MILLION)) == Decimal("0.15")
    other = load_prices(server="https://api.anthropic.com/v1")
    assert other.cost("gpt-4o-mini", tokens(MILLION)) is None, "a provider has its own models"


@given(st.text(max_size=300))
def test_the_upper_bound_covers_a_token_for_every_byte(text: str) -> None:
    request = make_request(text)
    sent = len(request.messages[0]["content"].encode())
    bound = PRICES.upper_bound(request)
    assert bound is not None
    for counts in (
        tokens(sent, 0, request.max_tokens),
        tokens(sent, sent, request.max_tokens),
        tokens(sent, 0, request.max_tokens, sent),
    ):
        worst = PRICES.cost("gpt-4o-mini", counts)
        assert worst is not None
        assert bound >= worst


def test_where_a_price_is_from_is_said() -> None:
    origin, batch = PRICES.origin("gpt-6-luna"), PRICES.in_batch().origin("gpt-6-luna")
    assert origin is not None
    assert batch is not None
    assert origin.source == batch.source == "genai-prices openai"
    assert batch.version == f"{origin.version} batch"


def own_prices(folder: Path, text: str) -> Path:
    path = folder / "prices.toml"
    path.write_text(f'version = "mine"\n{text}')
    return path


def test_a_table_may_state_the_batch_price(tmp_path: Path) -> None:
    stated = "[models.m.batch]\ninput = 0.9\noutput = 2\n"
    prices = load_prices(own_prices(tmp_path, f"[models.m]\ninput = 1\noutput = 2.5\n{stated}"))
    assert prices.cost("m", tokens(MILLION, 0, MILLION)) == Decimal("3.5")
    assert prices.in_batch().cost("m", tokens(MILLION, MILLION, MILLION)) == Decimal("2.9")


def test_a_file_lies_over_the_package(tmp_path: Path) -> None:
    text = '[models."m"]\ninput = 1\noutput = 2.5\n[models.gpt-4o-mini]\ninput = 0\noutput = 0\n'
    prices = load_prices(own_prices(tmp_path, text), OPENAI)
    assert prices.cost("m", tokens(MILLION, 0, MILLION)) == Decimal("3.5")
    assert prices.in_batch().cost("m", tokens(MILLION)) == Decimal("0.5")
    assert prices.cost("gpt-4o-mini", tokens(1)) == 0
    assert prices.cost("gpt-6-luna", tokens(100_000)) == Decimal("0.01")
    origin = prices.origin("m")
    assert origin is not None
    assert (origin.source, origin.version) == ("prices.toml", "mine")


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

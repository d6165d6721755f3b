import pytest

from dynosaur_etl.domain.errors import DynosaurError, LlmRefused, LlmUnavailable
from dynosaur_etl.llm.probe import list_models, probe_model
from tests.llm.faulty_llm import FaultyLlm


def test_a_model_that_is_offered_passes(llm: FaultyLlm) -> None:
    probe_model(llm.url, "sk-test", "gpt-4o-mini", timeout=5)
    assert llm.paid.total() == 0


def test_a_model_that_is_not_offered_is_named_with_those_that_are(llm: FaultyLlm) -> None:
    with pytest.raises(LlmRefused, match=r"gpt-5.*allowed: gpt-4o-mini"):
        probe_model(llm.url, "sk-test", "gpt-5", timeout=5)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("401", LlmRefused), ("500", LlmUnavailable), ("html", LlmUnavailable)],
)
def test_a_server_that_does_not_serve_says_why(
    llm: FaultyLlm, fault: str, error: type[DynosaurError]
) -> None:
    llm.always = fault
    with pytest.raises(error, match=llm.url):
        probe_model(llm.url, "sk-test", "gpt-4o-mini", timeout=5)


@pytest.mark.parametrize("status", ["404", "405", "501"])
def test_a_server_without_a_list_of_models_is_taken_at_its_word(
    llm: FaultyLlm, status: str
) -> None:
    llm.always = status
    assert list_models(llm.url, "sk-test", timeout=5) is None
    assert probe_model(llm.url, "sk-test", "any-model", timeout=5) is None


def test_the_end_of_a_model_is_read(llm: FaultyLlm) -> None:
    llm.models = [
        {"id": "old", "object": "model", "shutdown_date": "2027-01-14"},
        {"id": "new", "object": "model", "shutdown_date": None},
    ]
    listed = list_models(llm.url, "sk-test", timeout=5)
    assert listed == {"gpt-4o-mini": None, "old": "2027-01-14", "new": None}
    assert probe_model(llm.url, "sk-test", "old", timeout=5) == "2027-01-14"


def test_a_dead_server_is_unavailable() -> None:
    with pytest.raises(LlmUnavailable, match="no connection"):
        probe_model("http://127.0.0.1:9/v1", "", "gpt-4o-mini", timeout=5)


@pytest.mark.parametrize("asked", ["gem", "models/gem"])
def test_a_list_with_a_prefix_names_the_same_models(llm: FaultyLlm, asked: str) -> None:
    llm.models = [{"id": "models/gem", "object": "model"}]
    assert "gem" in (list_models(llm.url, "sk-test", timeout=5) or {})
    probe_model(llm.url, "sk-test", asked, timeout=5)

"""The body of a request, for models that think and for those that do not."""

import pytest

from dynosaur_etl.domain.chat import REASONING_TOKENS, ChatRequest


def request(model: str) -> ChatRequest:
    return ChatRequest("p", "s", model, [{"role": "user", "content": "x"}], None, 50, 0, "v1")


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-nano"])
def test_a_reasoning_model_gets_room_to_think_and_no_temperature(model: str) -> None:
    for name in (model, f"openai/{model}"):
        body = request(name).body()
        assert body["max_completion_tokens"] == 50 + REASONING_TOKENS
        assert not {"max_tokens", "temperature"} & body.keys()
        assert request(name).most_completion_tokens == body["max_completion_tokens"]


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-5-chat", "omni", "my-o1", "llama-o3x"])
def test_any_other_model_gets_the_older_names(model: str) -> None:
    body = request(model).body()
    assert (body["max_tokens"], body["temperature"]) == (50, 0)
    assert "max_completion_tokens" not in body
    assert request(model).most_completion_tokens == 50

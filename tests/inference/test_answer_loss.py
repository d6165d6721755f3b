"""The loss of answers against transformers' own, one text at a time."""

import pytest

from dynosaur_etl.inference.answer_loss import answer_losses, like_batches
from dynosaur_etl.inference.chat_tokens import AnswerTokens
from tests.training.tiny import tiny_llama

LENGTHS = [(5, 3), (40, 1), (1, 7), (17, 17), (17, 16), (100, 30), (2, 2)]


def texts() -> list[AnswerTokens]:
    return [
        AnswerTokens(tuple((at * 7 + place * 3) % 250 for place in range(asked + said)), asked)
        for at, (asked, said) in enumerate(LENGTHS)
    ]


def their_loss(model: object, text: AnswerTokens) -> float:
    import torch

    with torch.inference_mode():
        told = model(input_ids=torch.tensor([text.ids]), labels=torch.tensor([text.labels]))
    return float(told.loss)


@pytest.mark.parametrize("budget", [1, 64, 10_000])
def test_it_is_transformers_own_whatever_the_batch(budget: int) -> None:
    model = tiny_llama().eval()
    found = answer_losses(model, texts(), budget)
    for one, text in zip(found, texts(), strict=True):
        assert one.tokens == text.answer_length
        assert one.per_token == pytest.approx(their_loss(model, text), abs=1e-5)


def test_a_model_that_caps_its_logits_is_followed() -> None:
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    model = Gemma2ForCausalLM(Gemma2Config(
        vocab_size=260, hidden_size=32, intermediate_size=32, num_hidden_layers=2, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, final_logit_softcapping=0.5,
        initializer_range=0.3,
    )).eval()  # fmt: skip
    found = answer_losses(model, texts())
    for one, text in zip(found, texts(), strict=True):
        assert one.per_token == pytest.approx(their_loss(model, text), abs=1e-4)


def test_dropout_is_off_meanwhile_and_the_model_is_left_as_it_was() -> None:
    model = tiny_llama(attention_dropout=0.5).train()
    first, again = answer_losses(model, texts()), answer_losses(model, texts())
    assert first == again
    assert model.training


def test_batches_hold_every_text_once_within_the_budget() -> None:
    lengths = [3, 90, 4, 4, 200, 1, 0, 15]
    batches = list(like_batches(lengths, 20))
    assert sorted(at for batch in batches for at in batch) == list(range(len(lengths)))
    for batch in batches:
        widest = max(lengths[at] for at in batch)
        assert len(batch) == 1 or widest * len(batch) <= 20

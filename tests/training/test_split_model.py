"""The cut model and the whole one give the same losses, whichever family the model is of."""

from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.inference.answer_loss import answer_losses
from dynosaur_etl.training.encoding import encode
from dynosaur_etl.training.experiments.learner import SmallLearner
from dynosaur_etl.training.loading import find_model
from dynosaur_etl.training.presets import TINY
from dynosaur_etl.training.split_model import SplitModel
from dynosaur_etl.training.top_layers import Learner
from tests.training.tiny import byte_tokenizer, small_set, tiny_llama, write_model

PRESET = TINY.changed(method="top-layers", layers=2, step_tokens=200, rate=5e-3)
SIZES = {
    "vocab_size": len(byte_tokenizer()), "hidden_size": 32, "intermediate_size": 64,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "initializer_range": 0.2,
}  # fmt: skip


def qwen() -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(Qwen2Config(**SIZES))


def gemma() -> Any:
    """Its layers look at the near and at all, in turn."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    return Gemma3ForCausalLM(Gemma3TextConfig(**SIZES, sliding_window=8, layer_types=[
        "sliding_attention", "full_attention", "sliding_attention", "full_attention",
    ]))  # fmt: skip


MODELS = {"llama": tiny_llama, "qwen": qwen, "gemma": gemma}


@pytest.mark.parametrize("family", MODELS)
def test_stored_and_computed_losses_agree(family: str, tmp_path: Path) -> None:
    model = MODELS[family]().eval()
    texts = encode(byte_tokenizer(), small_set().examples, 256).texts
    whole = answer_losses(model, texts)
    split = SplitModel(model, 2, "float32")
    split.check(texts[0])
    states = split.store(texts, tmp_path, "model")
    found = Learner(split, states, texts, PRESET).losses(states, texts)
    for one, other in zip(found, whole, strict=True):
        assert one.tokens == other.tokens
        assert one.per_token == pytest.approx(other.per_token, abs=0.03), "states are bfloat16"
    mean = sum(a.per_token - b.per_token for a, b in zip(found, whole, strict=True)) / len(found)
    assert abs(mean) < 0.005


@pytest.mark.parametrize("family", MODELS)
def test_training_moves_the_top_layers_alone(family: str, tmp_path: Path) -> None:
    model = MODELS[family]()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    split = SplitModel(model, 2, "float32")
    texts = encode(byte_tokenizer(), small_set(8).examples, 256).texts
    states = split.store(texts, tmp_path, "model")
    from dynosaur_etl.training.steps import plan_steps

    learner = Learner(split, states, texts, PRESET)
    losses = [p.loss for p in learner.train(plan_steps([len(t) for t in texts], 400, 0, 8))]
    assert losses[-1] < losses[0]
    moved = {name for name, value in model.named_parameters() if not value.equal(before[name])}
    assert moved
    assert all("layers.2." in name or "layers.3." in name or ".norm." in name for name in moved)
    whole = answer_losses(model, texts)
    cut = learner.losses(states, texts)
    for one, other in zip(cut, whole, strict=True):
        assert one.per_token == pytest.approx(other.per_token, abs=0.03)


def test_a_model_that_scales_what_it_is_given_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_llama().eval()
    body, plain = model.model, model.model.forward

    def scaled(inputs_embeds: Any = None, **given: Any) -> Any:
        return plain(inputs_embeds=None if inputs_embeds is None else 2 * inputs_embeds, **given)

    monkeypatch.setattr(body, "forward", scaled)
    texts = encode(byte_tokenizer(), small_set(2).examples, 256).texts
    with pytest.raises(InvalidInput, match="differ"):
        SplitModel(model, 2, "float32").check(texts[0])


@pytest.mark.parametrize("top", [0, 4, 9])
def test_there_must_be_layers_below_and_above(top: int) -> None:
    with pytest.raises(InvalidInput, match="layers of the model"):
        SplitModel(tiny_llama(), top, "float32")


def test_states_are_computed_once_and_kept_apart_by_what_they_depend_on(tmp_path: Path) -> None:
    split = SplitModel(tiny_llama(), 2, "float32")
    texts = encode(byte_tokenizer(), small_set(6).examples, 256).texts
    split.store(texts, tmp_path, "model")
    [file] = tmp_path.iterdir()
    stamp = file.stat().st_mtime_ns
    split.store(texts, tmp_path, "model")
    assert file.stat().st_mtime_ns == stamp
    split.store(texts[:3], tmp_path, "model")
    split.store(texts, tmp_path, "another model")
    SplitModel(tiny_llama(), 1, "float32").store(texts, tmp_path, "model")
    assert len(list(tmp_path.iterdir())) == 4


def test_a_learner_begins_anew_each_time(tmp_path: Path) -> None:
    model = find_model(write_model(tmp_path / "model"))
    learner = SmallLearner(model, PRESET, tmp_path / "cache")
    known = learner.know(small_set().examples)
    first = learner.score(known)
    told = [learner.train(known, range(12), 6, seed=1)]
    after = learner.score(known)
    kept = learner.weights()
    learner.reset()
    assert learner.score(known) == first != after
    told.append(learner.train(known, range(12), 6, seed=1))
    assert learner.score(known) == after
    assert told[0] == told[1]
    learner.restore(kept)
    assert learner.score(known) == after
    assert learner.score(known, [5, 2]) == pytest.approx([after[5], after[2]])

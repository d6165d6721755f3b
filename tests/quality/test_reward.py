import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.quality.reward import RewardModel
from tests.quality.factories import instances

TEXTS = [
    ("Name the mood.", "I love this cafe", "positive"),
    ("Name the mood.", "I hate this cafe so much", "negative"),
    ("Name the mood.", "", "positive"),
    ("Name the mood.", "I love that cafe", "positive"),
    ("Name the mood.", "word " * 200, "negative"),
]
WORDS = [
    "name", "the", "mood", ".", "i", "love", "this", "that", "cafe", "hate", "so", "much",
    "positive", "negative", "word",
]  # fmt: skip


def make_model(folder: Path, outputs: int = 1, seed: int = 0) -> Path:
    """A BERT of random weights with a vocabulary of a few words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder.mkdir()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *WORDS]))
    tokenizer = BertTokenizer.from_pretrained(str(folder), model_max_length=64)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(special) + len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=outputs,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def make_deberta(folder: Path) -> Path:
    """A DeBERTa v2 in the form of the default model: one output, relative positions, unigrams."""
    import torch
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, DebertaV2Tokenizer

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    vocabulary = [(token, 0.0) for token in special] + [("▁" + word, -1.0) for word in WORDS]
    tokenizer = DebertaV2Tokenizer(vocab=vocabulary, model_max_length=64)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = DebertaV2Config(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        relative_attention=True,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        pooler_hidden_size=32,
        num_labels=1,
        initializer_range=0.5,
    )
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[make_model, make_deberta])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = request.param(tmp_path_factory.mktemp("models") / "small")
    return made


def test_scores_are_the_models_own_number_through_the_logistic_function(folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    table = RewardModel(folder, device="cpu").score(instances(*TEXTS))
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for (instruction, given, output), row in zip(TEXTS, table.to_pylist(), strict=True):
        prompt = f"{instruction}\n{given}" if given else instruction
        pair = tokenizer(prompt, output, truncation=True, max_length=64, return_tensors="pt")
        with torch.inference_mode():
            reward = float(model(**pair).logits[0, 0])
        assert row["reward"] == pytest.approx(reward, abs=1e-5)
        assert row["score"] == pytest.approx(1 / (1 + np.exp(-reward)), abs=1e-5)
        assert row["missing"] is None
    assert len(set(table["score"].to_pylist())) == len(TEXTS)


def test_a_score_does_not_depend_on_what_is_scored_with_it(folder: Path) -> None:
    scorer = RewardModel(folder, device="cpu")
    together = scorer.score(instances(*TEXTS))["score"].to_pylist()
    assert [scorer.score(instances(text))["score"][0].as_py() for text in TEXTS] == together


def test_texts_are_batched_by_length(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = RewardModel(folder, device="cpu")
    shapes: list[tuple[int, ...]] = []

    def forward(features: dict[str, Any]) -> Any:
        shapes.append(tuple(features["input_ids"].shape))
        return RewardModel._forward(scorer, features)

    monkeypatch.setattr(scorer, "_forward", forward)
    monkeypatch.setattr(RewardModel, "_workers", 1)
    scorer.score(instances(*TEXTS, *TEXTS))
    lengths = [length for _, length in shapes]
    assert lengths == sorted(set(lengths), reverse=True), "one batch a length, longest first"


def test_weights_of_torch_score_like_safetensors_and_run_no_code(
    folder: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    old = tmp_path / "old"
    shutil.copytree(folder, old)
    torch.save(load_file(old / "model.safetensors"), old / "pytorch_model.bin")
    (old / "model.safetensors").unlink()
    rows = instances(*TEXTS)
    expected = RewardModel(folder, device="cpu").score(rows)["reward"]
    scorer = RewardModel(old, device="cpu")
    assert scorer.score(rows)["reward"].equals(expected)

    torch.save({"weight": Harmful(tmp_path / "harm")}, old / "pytorch_model.bin")
    assert RewardModel(old).version != scorer.version
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        RewardModel(old, device="cpu").score(rows)
    assert not (tmp_path / "harm").exists()


class Harmful:
    """Makes a file when a pickle of it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_the_version_tells_the_weights(folder: Path, tmp_path: Path) -> None:
    scorer, other = RewardModel(folder), RewardModel(make_model(tmp_path / "other", seed=1))
    assert scorer.name == other.name == "reward"
    assert scorer.version != other.version


def test_a_classifier_of_several_classes_is_refused(tmp_path: Path) -> None:
    scorer = RewardModel(make_model(tmp_path / "three", outputs=3), device="cpu")
    with pytest.raises(InvalidInput, match="received 3; allowed: 1"):
        scorer.score(instances(*TEXTS))


def test_a_folder_without_weights_and_an_unknown_device_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="safetensors"):
        RewardModel(tmp_path)
    with pytest.raises(InvalidInput, match="auto, cpu, cuda"):
        RewardModel(folder, device="tpu")

from pathlib import Path

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "small")


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

"""Losses of answers beside transformers' own, and the scores that are made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.quality.causal import CausalModel, Difficulty, Perplexity
from tests.quality.causal_model import make_causal
from tests.quality.factories import instances

TEXTS = [
    ("Name the mood.", "I love this cafe", "positive"),
    ("Name the mood.", "I hate this cafe so much", "negative . i hate that"),
    ("Name the mood.", "", "positive"),
    ("Name the mood.", "I love that cafe", "positive positive positive"),
    ("Name the mood.", "word " * 200, "negative " * 50),
]


def own_loss(model: Any, ids: Sequence[int], answer: int) -> float:
    """The loss of transformers itself, of the last `answer` tokens alone."""
    import torch

    labels = [-100] * (len(ids) - answer) + list(ids[len(ids) - answer :])
    with torch.inference_mode():
        found = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels]))
    return float(found.loss)


@pytest.mark.parametrize(("chat", "bos"), [(False, True), (True, True), (False, False)])
def test_losses_are_those_of_transformers(tmp_path: Path, chat: bool, bos: bool) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make_causal(tmp_path / "model", chat=chat, bos=bos)
    own = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    first = [1 if bos else 2]
    prompts = [f"{i}\n{given}" if given else i for i, given, _ in TEXTS[:4]]
    answers = [output for _, _, output in TEXTS[:4]]
    found = CausalModel(folder).losses(prompts, answers, alone=True)
    assert found.alone is not None
    for at, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        after = tokenizer(answer, add_special_tokens=False)["input_ids"]
        if chat:
            before = tokenizer(f"<s> user {prompt} <s>", add_special_tokens=False)["input_ids"]
        else:
            before = first + tokenizer(prompt, add_special_tokens=False)["input_ids"]
        assert found.tokens[at] == len(after)
        assert found.given[at] == pytest.approx(own_loss(own, before + after, len(after)), abs=1e-5)
        assert found.alone[at] == pytest.approx(own_loss(own, first + after, len(after)), abs=1e-5)


def test_a_score_does_not_depend_on_its_company(tmp_path: Path) -> None:
    scorer = Difficulty(CausalModel(make_causal(tmp_path / "model")))
    together = scorer.score(instances(*TEXTS)).to_pylist()
    alone = [scorer.score(instances(text)).to_pylist()[0] for text in TEXTS]
    keys = {"instance_key": "", "content_key": ""}
    for one, other in zip(together, alone, strict=True):
        assert {**one, **keys} == {**other, **keys}


def test_what_is_too_long_keeps_the_end_of_its_prompt_and_half_for_its_answer(
    tmp_path: Path,
) -> None:
    model = CausalModel(make_causal(tmp_path / "model"))
    found = model.losses(["word " * 200, "word"], ["negative " * 50, "negative " * 200], False)
    assert found.tokens.tolist() == [32, 62]
    short = model.losses(["word " * 30], ["negative " * 32], False)
    assert found.given[0] != short.given[0]
    assert np.isfinite(found.given).all()


def test_perplexity_and_ifd_follow_their_definitions(tmp_path: Path) -> None:
    model = CausalModel(make_causal(tmp_path / "model"))
    rows = instances(*TEXTS)
    plain, difficulty = Perplexity(model).score(rows), Difficulty(model).score(rows)
    assert plain["loss"].to_pylist() == difficulty["loss"].to_pylist()
    ifd = np.array(difficulty["ifd"].to_pylist())
    given, alone = (np.array(difficulty[name].to_pylist()) for name in ("loss", "loss_alone"))
    np.testing.assert_allclose(ifd, np.exp(given - alone), rtol=1e-4)
    assert (ifd > 1).any()
    assert (ifd < 1).any()
    scores = np.array(difficulty["score"].to_pylist())
    np.testing.assert_array_equal(scores, np.where(ifd < 1, ifd, 0))
    np.testing.assert_allclose(plain["score"].to_pylist(), np.exp(-given), atol=1e-6)
    assert plain["missing"].null_count == len(TEXTS)


def test_an_answer_without_tokens_has_no_score(tmp_path: Path) -> None:
    model = CausalModel(make_causal(tmp_path / "model"))
    found = Perplexity(model).score(instances(("Name the mood.", "", " "), TEXTS[0]))
    assert found["score"].is_null().to_pylist() == [True, False]
    assert found["missing"].to_pylist() == ["output_empty", None]


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="model"):
        CausalModel(tmp_path)
    one, other = (make_causal(tmp_path / name, seed=at) for at, name in enumerate("ab"))
    assert Perplexity(CausalModel(one)).version != Perplexity(CausalModel(other)).version

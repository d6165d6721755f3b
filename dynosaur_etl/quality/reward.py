"""A reward model: any sequence classifier of the Hub that gives one number for a response."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.inference.batches import Tokens, computed, cpu_count, equal_batches
from dynosaur_etl.inference.model_files import (
    LOADED_FILES,
    TOKENIZER_FILES,
    TORCH_WEIGHTS,
    content_digest,
    has_safetensors,
    model_folder,
)
from dynosaur_etl.inference.tokenizers import load_tokenizer, longest_input
from dynosaur_etl.quality.scorer import Progress, score_table, silent

DEFAULT_MODEL = "OpenAssistant/reward-model-deberta-v3-large-v2"
DEVICES = ("auto", "cpu", "cuda")
_FILES = (*LOADED_FILES, *TOKENIZER_FILES)


class RewardModel:
    """The scorer `reward`: the logistic function of the model's number, so that 0.5 is its zero.

    Reward models are trained to give the better of two responses the higher number, by the
    logistic of the difference (Bradley and Terry); their zero means nothing, so scores of two
    models must not be compared without normalisation. Prompt and response go in as a pair of
    texts, or through the tokenizer's chat template where it has one.
    """

    name = "reward"

    def __init__(
        self, model: str | Path = DEFAULT_MODEL, revision: str | None = None, device: str = "auto"
    ) -> None:
        """Find a model; its weights are loaded on first use, without any code from the Hub.

        Weights of torch's own form are taken where there are no safetensors: the default model
        may have no others.

        Raises:
            InvalidInput: the folder holds no weights, or the device is unknown.
            HubRefused: the Hub does not give the model.
            HubUnavailable: the Hub does not answer.
        """
        if device not in DEVICES:
            raise InvalidInput(not_allowed("device", device, DEVICES))
        self._device = device
        self.model, self._folder = model_folder(model, revision, _FILES, TORCH_WEIGHTS)
        others = () if has_safetensors(self._folder) else TORCH_WEIGHTS
        self.version = content_digest(self._folder, [*_FILES, *others])

    def score(self, instances: pa.Table, progress: Progress = silent) -> pa.Table:
        """Score instances; the column `reward` is the model's own number.

        A pair that is too long for the model is cut at its end.
        """
        texts = [self._tokens(*pair) for pair in _pairs(instances)]
        batches = equal_batches([len(text["attention_mask"]) for text in texts])
        rewards = np.empty(len(texts), np.float64)
        done = 0
        for positions, values in computed(self._forward, texts, batches, self._workers):
            rewards[positions] = values[: len(positions)]
            done += len(positions)
            progress(done, len(texts))
        scores = [round(float(score), 6) for score in 1 / (1 + np.exp(-rewards))]
        signals = {"reward": [round(float(reward), 6) for reward in rewards]}
        return score_table(instances, scores, [None] * len(scores), signals)

    def _tokens(self, prompt: str, response: str) -> Tokens:
        tokenizer, limit = self._tokenizer, self._limit
        if tokenizer.chat_template is None:
            told = tokenizer(prompt, response, truncation=True, max_length=limit)
        else:
            chat = [
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": response},
            ]
            told = tokenizer.apply_chat_template(
                chat, tokenize=True, return_dict=True, truncation=True, max_length=limit
            )
        return {name: np.asarray(values, np.int64) for name, values in told.items()}

    def _forward(self, features: dict[str, Any]) -> NDArray[np.float64]:
        import torch

        with torch.inference_mode():
            placed = {name: value.to(self._model.device) for name, value in features.items()}
            logits = self._model(**placed).logits[:, 0]
        values: NDArray[np.float64] = logits.double().cpu().numpy()
        return values

    @property
    def _workers(self) -> int:
        return cpu_count() if self._model.device.type == "cpu" else 1

    @cached_property
    def _limit(self) -> int:
        return longest_input(self._tokenizer, self._model.config)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._folder)

    @cached_property
    def _model(self) -> Any:
        model = load(self._folder)
        return model.to(self._device if self._device != "auto" else _best_device())


def load(folder: Path) -> Any:
    """Load a classifier with one output in float32, as tensors alone.

    Raises:
        InvalidInput: the folder holds no such model.
    """
    from pickle import UnpicklingError

    import torch
    from transformers import AutoModelForSequenceClassification

    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=has_safetensors(folder),
            weights_only=True,
            dtype=torch.float32,
        ).eval()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, UnpicklingError) as e:
        raise InvalidInput(f"model folder {str(folder)!r} cannot be loaded: {e}") from e
    if model.config.num_labels != 1:
        outputs = model.config.num_labels
        raise InvalidInput(not_allowed("outputs of the reward model", outputs, "1"))
    if model.config.pad_token_id is None:
        model.config.pad_token_id = -1  # decoders look for the last token that is no padding
    return model


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _pairs(instances: pa.Table) -> Sequence[tuple[str, str]]:
    columns = (instances[name].to_pylist() for name in ("instruction", "input", "output"))
    return [
        (f"{instruction}\n{given}" if given else instruction, output)
        for instruction, given, output in zip(*columns, strict=True)
    ]

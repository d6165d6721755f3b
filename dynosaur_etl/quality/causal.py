"""Losses of answers under a causal language model: perplexity and IFD.

The loss is the mean negative log-likelihood of the answer's tokens alone, as `transformers`
computes it where the labels of all other tokens are -100. It is taken twice: after the prompt, and
after the token that begins a text, with nothing before the answer. IFD (arXiv 2308.12032) is the
ratio of the two perplexities: near 0 where the instruction says all, above 1 where it does not
help.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.inference.batches import Tokens, computed, cpu_count, equal_batches
from dynosaur_etl.inference.model_files import (
    LOADED_FILES,
    TOKENIZER_FILES,
    content_digest,
    model_folder,
)
from dynosaur_etl.inference.tokenizers import load_tokenizer, longest_input
from dynosaur_etl.quality.scorer import Progress, score_table, silent

DEFAULT_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
_FILES = (*LOADED_FILES, *TOKENIZER_FILES, "*.jinja")
_ANSWER_PART = 0.5
"""A text that is too long keeps at least so much of the limit for its answer."""


@dataclass(frozen=True)
class AnswerLosses:
    """Losses of some answers, in nats a token.

    Attributes:
        given: after the prompt [n].
        alone: after the beginning of a text, or None where it was not asked for [n].
        tokens: of the answer that were scored [n]; 0 where there are none, and no loss.
    """

    given: NDArray[np.float64]
    alone: NDArray[np.float64] | None
    tokens: NDArray[np.int64]


class CausalModel:
    """A causal language model of the Hub, loaded on first use without any code from there."""

    def __init__(self, model: str | Path = DEFAULT_MODEL, revision: str | None = None) -> None:
        """Find a model.

        Raises:
            InvalidInput: the folder holds no weights.
            HubRefused: the Hub does not give the model.
            HubUnavailable: the Hub does not answer.
        """
        self.name, self._folder = model_folder(model, revision, _FILES)
        self.version = content_digest(self._folder, _FILES)

    def losses(
        self,
        prompts: Sequence[str],
        answers: Sequence[str],
        alone: bool,
        progress: Progress = silent,
    ) -> AnswerLosses:
        """Return the mean loss of each answer's tokens.

        A prompt goes in as a user's message where the tokenizer has a chat template, else as plain
        text. What is longer than the model reads loses the beginning of its prompt first.

        Args:
            prompts: of the answers.
            answers: whose tokens are scored.
            alone: whether the answers are scored without their prompts too.
            progress: called with (scored so far, all).
        """
        texts = [self._scored(*pair) for pair in zip(prompts, answers, strict=True)]
        bare = [self._scored(None, answer) for answer in answers] if alone else []
        sums = self._sums([*texts, *bare], progress)
        tokens = np.array([int(text["scored"].sum()) for text in texts], np.int64)
        means = sums[: len(texts)] / np.maximum(tokens, 1)
        if not alone:
            return AnswerLosses(means, None, tokens)
        bare_tokens = np.array([int(text["scored"].sum()) for text in bare], np.int64)
        return AnswerLosses(means, sums[len(texts) :] / np.maximum(bare_tokens, 1), tokens)

    def _scored(self, prompt: str | None, answer: str) -> Tokens:
        """Token numbers, with 1 where a token is one of the answer."""
        before = self._beginning if prompt is None else self._prompt_tokens(prompt)
        after: list[int] = self._tokenizer(answer, add_special_tokens=False, verbose=False)[
            "input_ids"
        ]
        room = max(self._limit - len(before), int(_ANSWER_PART * self._limit))
        after = after[:room]
        before = before[len(before) - min(len(before), self._limit - len(after)) :]
        ids = np.array([*before, *after], np.int64)
        scored = (np.arange(len(ids)) >= len(before)).astype(np.int64)
        return {"input_ids": ids, "attention_mask": np.ones_like(ids), "scored": scored}

    def _prompt_tokens(self, prompt: str) -> list[int]:
        tokenizer = self._tokenizer
        if tokenizer.chat_template is None:
            ids: list[int] = tokenizer(f"{prompt}\n", add_special_tokens=False)["input_ids"]
            return [*self._beginning, *ids]
        chat = [{"role": "user", "content": prompt}]
        found = tokenizer.apply_chat_template(
            chat, tokenize=True, return_dict=True, add_generation_prompt=True
        )
        return [int(token) for token in found["input_ids"]]

    @property
    def _beginning(self) -> list[int]:
        """The token that begins a text; that which ends one where there is no other."""
        tokenizer = self._tokenizer
        first = tokenizer.bos_token_id
        return [int(tokenizer.eos_token_id if first is None else first)]

    def _sums(self, texts: Sequence[Tokens], progress: Progress) -> NDArray[np.float64]:
        batches = equal_batches([len(text["input_ids"]) for text in texts])
        sums, done = np.empty(len(texts), np.float64), 0
        for positions, values in computed(self._forward, texts, batches, cpu_count()):
            sums[positions] = values[: len(positions)]
            done += len(positions)
            progress(done, len(texts))
        return sums

    def _forward(self, features: dict[str, Any]) -> NDArray[np.float64]:
        """Summed loss of each row's scored tokens."""
        import torch

        ids, scored = features["input_ids"], features["scored"]
        last = int(scored.sum(dim=1).max())
        with torch.inference_mode():
            found = self._model(
                input_ids=ids,
                attention_mask=features["attention_mask"],
                logits_to_keep=last + 1,
                use_cache=False,
            )
            logits = found.logits[:, :-1].float()
            targets = ids[:, -last:] if last else ids[:, :0]
            losses = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), targets, reduction="none"
            )
            total = (losses.double() * scored[:, scored.shape[1] - last :]).sum(dim=1)
        values: NDArray[np.float64] = total.numpy()
        return values

    @cached_property
    def _limit(self) -> int:
        return longest_input(self._tokenizer, self._model.config)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._folder)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        try:
            return AutoModelForCausalLM.from_pretrained(
                str(self._folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
            ).eval()
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as e:
            raise InvalidInput(f"model folder {str(self._folder)!r} cannot be loaded: {e}") from e


class Perplexity:
    """The scorer `perplexity`: how likely a model finds the answer, as a mean probability."""

    name = "perplexity"

    def __init__(self, model: CausalModel) -> None:
        self._model = model
        self.version = f"perplexity-1:{model.version}"

    def score(self, instances: pa.Table, progress: Progress = silent) -> pa.Table:
        """Score instances; columns `loss` and `answer_tokens` are the model's own figures."""
        found = self._model.losses(*_pairs(instances), alone=False, progress=progress)
        signals = {"loss": _known(found.given, found), "answer_tokens": found.tokens.tolist()}
        scores = _known(np.exp(-found.given), found)
        return score_table(instances, scores, _missing(found), signals)


class Difficulty:
    """The scorer `ifd`: how little the instruction helps with the answer; 0 from a ratio of 1 on.

    An answer that is less likely after its instruction than alone does not follow it, as the
    authors have it, and is worth nothing.
    """

    name = "ifd"

    def __init__(self, model: CausalModel) -> None:
        self._model = model
        self.version = f"ifd-1:{model.version}"

    def score(self, instances: pa.Table, progress: Progress = silent) -> pa.Table:
        """Score instances; columns `ifd`, `loss`, `loss_alone` and `answer_tokens` say how."""
        found = self._model.losses(*_pairs(instances), alone=True, progress=progress)
        alone = found.given if found.alone is None else found.alone
        ratio = np.exp(found.given - alone)
        signals = {
            "ifd": _known(ratio, found),
            "loss": _known(found.given, found),
            "loss_alone": _known(alone, found),
            "answer_tokens": found.tokens.tolist(),
        }
        scores = _known(np.where(ratio < 1, ratio, 0.0), found)
        return score_table(instances, scores, _missing(found), signals)


def _known(values: NDArray[np.float64], losses: AnswerLosses) -> list[float | None]:
    """Rounded values; None where no token was scored."""
    rows = zip(values.tolist(), losses.tokens.tolist(), strict=True)
    return [round(value, 6) if tokens else None for value, tokens in rows]


def _missing(losses: AnswerLosses) -> list[str | None]:
    return [None if tokens else str(Reason.OUTPUT_EMPTY) for tokens in losses.tokens.tolist()]


def _pairs(instances: pa.Table) -> tuple[list[str], list[str]]:
    columns = (instances[name].to_pylist() for name in ("instruction", "input", "output"))
    rows = list(zip(*columns, strict=True))
    prompts = [
        f"{instruction}\n{given}" if given else instruction for instruction, given, _ in rows
    ]
    return prompts, [output for _, _, output in rows]

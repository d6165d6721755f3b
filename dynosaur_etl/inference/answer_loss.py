"""What a causal model gives to an answer: nats, token by token, after its prompt.

Texts are computed in batches of like length, padded on the right: with causal attention no token of
a text sees the padding. Only the positions that predict a token of an answer go through the head,
which is most of a small model's work.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynosaur_etl.inference.chat_tokens import AnswerTokens

BATCH_TOKENS = 4_096
Progress = Callable[[int, int], None]
Head = Callable[[Any], Any]


def silent(done: int, of: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class AnswerLoss:
    """The loss of one answer.

    Attributes:
        nats: summed over the tokens of the answer, the mark that ends it among them.
        tokens: how many those are.
    """

    nats: float
    tokens: int

    @property
    def per_token(self) -> float:
        """Nats a token; e to this power is the perplexity."""
        return self.nats / self.tokens


def answer_losses(
    model: Any,
    texts: Sequence[AnswerTokens],
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = silent,
) -> list[AnswerLoss]:
    """Return the loss of each answer, in the order of the texts.

    Args:
        model: a causal model of transformers, with a body (`base_model`) and a head.
        texts: each with one token of an answer or more.
        batch_tokens: most tokens of a batch, padding counted; a longer text is alone.
        progress: is called with (texts so far, all).
    """
    import torch

    found: list[AnswerLoss] = [AnswerLoss(0.0, 0)] * len(texts)
    done = 0
    with torch.inference_mode(), evaluating(model):
        for batch in like_batches([len(text) for text in texts], batch_tokens):
            chosen = [texts[position] for position in batch]
            losses = summed_losses(head_of(model), hidden_states(model, chosen), chosen)
            for position, nats in zip(batch, losses.tolist(), strict=True):
                found[position] = AnswerLoss(nats, texts[position].answer_length)
            done += len(batch)
            progress(done, len(texts))
    return found


def hidden_states(model: Any, texts: Sequence[AnswerTokens]) -> Any:
    """Return the last hidden states [texts, tokens, width] before the head."""
    ids = padded([text.ids for text in texts]).to(device_of(model))
    return unwrapped(model).base_model(input_ids=ids, use_cache=False).last_hidden_state


def summed_losses(head: Head, hidden: Any, texts: Sequence[AnswerTokens]) -> Any:
    """Return the nats of each text's answer, summed in float32 [texts].

    Args:
        head: from a hidden state to the logits of the next token.
        hidden: [texts, tokens or more, width].
        texts: what the states are of.
    """
    import torch

    rows, places, targets = predicted(texts)
    device = hidden.device
    logits = head(hidden[rows.to(device), places.to(device)]).float()
    nats = torch.nn.functional.cross_entropy(logits, targets.to(device), reduction="none")
    return torch.zeros(len(texts), device=device).index_add(0, rows.to(device), nats)


def predicted(texts: Sequence[AnswerTokens]) -> tuple[Any, Any, Any]:
    """Return row, position and target of each prediction of an answer's token, as tensors [m].

    The token at a position is predicted by the state before it; an answer that nothing comes before
    is not predicted at its first token.
    """
    import torch

    at = [
        (row, place - 1, text.ids[place])
        for row, text in enumerate(texts)
        for place in range(max(text.answer_from, 1), len(text))
    ]
    rows, places, targets = np.array(at, np.int64).reshape(-1, 3).T
    return torch.from_numpy(rows), torch.from_numpy(places), torch.from_numpy(targets)


def padded(rows: Sequence[Sequence[int]]) -> Any:
    """Return rows of token numbers as one tensor [rows, longest], 0 on the right."""
    import torch

    filled = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for at, row in enumerate(rows):
        filled[at, : len(row)] = row
    return torch.from_numpy(filled)


def like_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield positions in batches of like length, longest first, ties in their order."""
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // max(lengths[order[start]], 1))
        yield order[start : start + size]
        start += size


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Keep a model from dropping out anything for the length of a block."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def head_of(model: Any) -> Head:
    """Return the way from hidden states to logits, with what some models do to these last."""
    linear, config = model.get_output_embeddings(), unwrapped(model).config
    cap = getattr(config, "final_logit_softcapping", None)
    scale = getattr(config, "logit_scale", None) or 1 / getattr(config, "logits_scaling", 1)

    def logits(hidden: Any) -> Any:
        found = linear(hidden) * scale
        return found if cap is None else cap * (found / cap).tanh()

    return logits


def unwrapped(model: Any) -> Any:
    """Return the model of transformers inside an adapter's."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def device_of(model: Any) -> Any:
    return next(model.parameters()).device

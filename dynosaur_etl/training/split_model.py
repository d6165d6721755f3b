"""A decoder cut in two: layers that stay as they are, and the top ones that are trained.

What the lower layers make of a text never changes, so it is computed once and stored: a step then
costs the top layers alone. The states are kept in bfloat16, which is what they are multiplied in.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.inference.answer_loss import (
    BATCH_TOKENS,
    Progress,
    head_of,
    like_batches,
    padded,
    silent,
)
from dynosaur_etl.inference.chat_tokens import AnswerTokens
from dynosaur_etl.inference.precision import multiplying_in

AGREEMENT = 2e-4
"""Nats a token, relative, by which the cut model may differ from the whole in float32."""


@dataclass
class StoredStates:
    """States below the top layers, of texts one after another.

    Attributes:
        values: bfloat16 as 16-bit numbers [tokens, width], memory-mapped.
        starts: where each text begins, and the end [texts + 1].
    """

    values: Any
    starts: Any

    def of(self, positions: Sequence[int]) -> Any:
        """Return the states of some texts [texts, longest, width] in bfloat16, 0 on the right."""
        import torch

        rows = [self.values[self.starts[at] : self.starts[at + 1]] for at in positions]
        filled = np.zeros((len(rows), max(map(len, rows)), self.values.shape[1]), np.int16)
        for at, row in enumerate(rows):
            filled[at, : len(row)] = row
        return torch.from_numpy(filled).view(torch.bfloat16)


class SplitModel:
    """A causal model of transformers that is cut below its top layers.

    Attributes:
        model: whose body holds the top layers alone.
        parameters: those that are trained: of the top layers and the last norm.
    """

    def __init__(self, model: Any, top: int, precision: str) -> None:
        """Cut a model: all but the top layers are frozen.

        Args:
            model: is changed in place.
            top: how many layers are trained.
            precision: `float32` or `bfloat16`, in which the layers below multiply.

        Raises:
            InvalidInput: it has no list of layers, or fewer than `top`.
        """
        self.model = model
        self.precision = precision
        self._body = model.base_model
        layers = getattr(self._body, "layers", None)
        if layers is None or not 0 < top < len(layers):
            found = "none" if layers is None else len(layers)
            raise InvalidInput(not_allowed("layers of the model", found, f"more than {top}"))
        self.at = len(layers) - top
        self._all = layers
        self._kinds = getattr(model.config, "layer_types", None)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        self._top = layers[self.at :]
        for layer in self._top:
            layer.requires_grad_(True)
        if hasattr(self._body, "norm"):
            self._body.norm.requires_grad_(True)
        self.parameters = [one for one in model.parameters() if one.requires_grad]

    def store(
        self, texts: Sequence[AnswerTokens], folder: Path, model: str, progress: Progress = silent
    ) -> StoredStates:
        """Return the states of texts below the top layers, computed unless they are stored.

        Args:
            texts: any number.
            folder: keeps them, under a name made from what they depend on.
            model: digest of the model.
            progress: is called with (texts so far, all).
        """
        depends_on = (model, self.at, self.precision, [text.ids for text in texts])
        name = digest("states-1", *depends_on)[:40]
        path = folder / f"{name}.bfloat16"
        starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
        shape = (int(starts[-1]), self.width)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            values = np.memmap(unfinished, np.int16, "w+", shape=shape)
            self._fill(values, starts, texts, progress)
            values.flush()
            unfinished.rename(path)
        return StoredStates(np.memmap(path, np.int16, "r", shape=shape), starts)

    @property
    def width(self) -> int:
        return int(self.model.config.get_text_config().hidden_size)

    def _fill(
        self, values: Any, starts: Any, texts: Sequence[AnswerTokens], progress: Progress
    ) -> None:
        import torch

        done = 0
        for batch in like_batches([len(text) for text in texts], BATCH_TOKENS):
            ids = padded([texts[at].ids for at in batch])
            with torch.inference_mode(), multiplying_in(self.precision):
                found = self._below(ids).to(torch.bfloat16).view(torch.int16).numpy()
            for row, at in enumerate(batch):
                values[starts[at] : starts[at + 1]] = found[row, : len(texts[at])]
            done += len(batch)
            progress(done, len(texts))

    def _below(self, ids: Any) -> Any:
        """Return what the first of the top layers is given [texts, tokens, width]."""
        caught: list[Any] = []

        def catch(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            caught.append(given[0] if given else named["hidden_states"])
            raise _ReachedError

        hook = self._all[self.at].register_forward_pre_hook(catch, with_kwargs=True)
        try:
            self._body(input_ids=ids, use_cache=False)
        except _ReachedError:
            pass
        finally:
            hook.remove()
        return caught[0]

    def above(self, states: Any) -> Any:
        """Return the last hidden states of what is stored [texts, tokens, width]."""
        with self._cut():
            return self._body(inputs_embeds=states, use_cache=False).last_hidden_state

    @contextmanager
    def _cut(self) -> Iterator[None]:
        """Let the body hold the top layers alone for the length of a block."""
        config = self._body.config
        self._body.layers, config.num_hidden_layers = self._top, len(self._top)
        if self._kinds is not None:
            config.layer_types = self._kinds[self.at :]
        try:
            yield
        finally:
            self._body.layers, config.num_hidden_layers = self._all, len(self._all)
            if self._kinds is not None:
                config.layer_types = self._kinds

    def check(self, text: AnswerTokens) -> None:
        """Refuse a model that gives another answer when it is cut.

        Raises:
            InvalidInput: its body does more to its input than run its layers.
        """
        import torch

        with torch.inference_mode():
            ids = padded([text.ids])
            whole = self._body(input_ids=ids, use_cache=False).last_hidden_state
            cut = self.above(self._below(ids))
            difference = float((whole - cut).abs().max() / whole.abs().max())
        if difference > AGREEMENT:
            received = f"states that differ by a share of {difference:.2g} when it is cut"
            raise InvalidInput(not_allowed("model", received, f"at most {AGREEMENT:g}"))

    def head(self) -> Any:
        """Return the way from hidden states to logits."""
        return head_of(self.model)


class _ReachedError(Exception):
    """The layer was reached whose input is wanted."""

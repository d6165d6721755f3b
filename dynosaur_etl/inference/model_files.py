"""The files of a model: a folder, or fetched from the Hub at a commit; and their digest."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable, InvalidInput

LOADED_FILES = ("*.safetensors", "*.json", "*.txt")
TOKENIZER_FILES = ("*.model",)
TORCH_WEIGHTS = ("pytorch_model*.bin",)
"""Older models have no other weights; torch reads tensors from them and runs no code in them."""
_WEIGHTS = frozenset({".safetensors", ".bin"})


def model_folder(
    model: str | Path,
    revision: str | None = None,
    patterns: Sequence[str] = LOADED_FILES,
    otherwise: Sequence[str] = (),
) -> tuple[str, Path]:
    """Give name and folder of a model, fetched from the Hub if it is no folder.

    Only weights, configurations and vocabularies are fetched: nothing that runs code when it is
    loaded. `otherwise` are files that are fetched where there are no safetensors weights.

    Raises:
        HubRefused: the Hub does not give the model.
        HubUnavailable: the Hub does not answer.
    """
    if Path(model).is_dir():
        return Path(model).resolve().name, Path(model)
    folder = _fetched_folder(str(model), revision, patterns)
    if otherwise and not has_safetensors(folder):
        folder = _fetched_folder(str(model), revision, [*patterns, *otherwise])
    return str(model), folder


def has_safetensors(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def _fetched_folder(model: str, revision: str | None, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    wanted = [*patterns, *(f"*/{pattern}" for pattern in patterns)]
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=wanted))
    except (GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as e:
        raise HubRefused(f"model {model!r} at revision {revision!r}: {e}") from e
    except (HfHubHTTPError, OSError) as e:
        raise HubUnavailable(f"model {model!r}: {e}") from e


def content_digest(folder: Path, patterns: Sequence[str] = LOADED_FILES) -> str:
    """Give `sha256:` over name and content of every file that a model is loaded from.

    Raises:
        InvalidInput: the folder holds no weights of a form that is allowed.
    """
    files = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    if not any(path.suffix in _WEIGHTS for path in files):
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

"""The files of a model: a folder, or fetched from the Hub at a commit; and their digest."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable, InvalidInput

LOADED_FILES = ("*.safetensors", "*.json", "*.txt")
TOKENIZER_FILES = ("*.model",)


def model_folder(
    model: str | Path, revision: str | None = None, patterns: Sequence[str] = LOADED_FILES
) -> tuple[str, Path]:
    """Give name and folder of a model, fetched from the Hub if it is no folder.

    Only safetensors weights, configurations and vocabularies are fetched: nothing that could
    run code when it is loaded.

    Raises:
        HubRefused: the Hub does not give the model.
        HubUnavailable: the Hub does not answer.
    """
    if Path(model).is_dir():
        return Path(model).resolve().name, Path(model)
    return str(model), _fetched_folder(str(model), revision, patterns)


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
        InvalidInput: the folder holds no safetensors weights.
    """
    files = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
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

"""Models as they are trained and evaluated: loaded from a folder, without code of theirs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.inference.model_files import (
    LOADED_FILES,
    TOKENIZER_FILES,
    content_digest,
    model_folder,
)
from dynosaur_etl.inference.tokenizers import load_tokenizer

FILES = (*LOADED_FILES, *TOKENIZER_FILES, "*.jinja")
_ADAPTER = "adapter_config.json"


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk.

    Attributes:
        name: Hub id, or the folder's name.
        digest: `sha256:` over all of its files that are loaded.
        revision: commit of a Hub id, else empty.
    """

    name: str
    path: Path
    digest: str
    revision: str = ""

    @property
    def config(self) -> Mapping[str, Any]:
        """Its configuration; an adapter's base's."""
        path = self.path if not is_adapter(self.path) else _base_of(self.path)
        try:
            found: Mapping[str, Any] = json.loads((path / "config.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"model {self.name}: no readable config.json: {error}") from error
        return found

    @property
    def is_sequence_to_sequence(self) -> bool:
        return bool(self.config.get("is_encoder_decoder"))


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its tokenizer."""

    model: Any
    tokenizer: Any


def find_model(model: str | Path, revision: str = "") -> ModelFolder:
    """Find a folder, or a model of the Hub, which is fetched.

    Raises:
        InvalidInput: the folder holds no safetensors weights.
        HubRefused: the Hub does not give the model.
        HubUnavailable: the Hub does not answer.
    """
    name, path = model_folder(model, revision or None, FILES)
    commit = "" if Path(model).is_dir() else path.name
    return ModelFolder(name, path, content_digest(path, FILES), commit)


def load_model(folder: Path, weights: str = "float32") -> LoadedModel:
    """Load a causal or a sequence-to-sequence model, or one with an adapter on it.

    Args:
        folder: with safetensors weights, or an adapter that names its base's folder.
        weights: `float32` or `bfloat16`, in which they are held.

    Raises:
        InvalidInput: the folder holds no such model.
    """
    if not is_adapter(folder):
        return LoadedModel(_load(folder, weights), padding_tokenizer(folder))
    from peft import PeftModel

    base = _load(_base_of(folder), weights)
    return LoadedModel(PeftModel.from_pretrained(base, str(folder)), padding_tokenizer(folder))


def load_to_ask(folder: Path) -> LoadedModel:
    """Load a model for evaluation: on the GPU where there is one, and not dropping out anything.

    Raises:
        InvalidInput: the folder holds no such model.
    """
    import torch

    loaded = load_model(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return LoadedModel(loaded.model.to(device).eval(), loaded.tokenizer)


def is_adapter(folder: Path) -> bool:
    return (folder / _ADAPTER).is_file()


def _base_of(adapter: Path) -> Path:
    found = json.loads((adapter / _ADAPTER).read_text(encoding="utf-8"))
    base = Path(str(found.get("base_model_name_or_path", "")))
    if not base.is_dir():
        raise InvalidInput(f"adapter {adapter}: its base {str(base)!r} is not there")
    return base


def padding_tokenizer(folder: Path) -> Any:
    """Load a tokenizer; one without a padding token pads with its end mark.

    Raises:
        InvalidInput: the folder holds no tokenizer that `transformers` can load.
    """
    tokenizer = load_tokenizer(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _load(folder: Path, weights: str) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(str(folder), **options)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        return kind.from_pretrained(
            str(folder), dtype=getattr(torch, weights), use_safetensors=True, **options
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise InvalidInput(f"model folder {str(folder)!r} cannot be loaded: {error}") from error

"""The tokenizer of a model in a folder, and how much a model takes at once."""

from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput

LONGEST_TOKENS = 2_048


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer from its files alone, without code of its own and without the network.

    Raises:
        InvalidInput: the folder holds no tokenizer that `transformers` can load.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, ImportError) as e:
        raise InvalidInput(f"tokenizer of {str(folder)!r} cannot be loaded: {e}") from e


def longest_input(tokenizer: Any, config: Any) -> int:
    """Return how many tokens a model is given at most: what both allow, and never above 2,048."""
    positions = getattr(config, "max_position_embeddings", LONGEST_TOKENS)
    return int(min(tokenizer.model_max_length, positions, LONGEST_TOKENS))

"""Writes `dynosaur_etl/llm/lifecycle.json` anew: when models end, and which take a schema.

The facts are those of the table that LiteLLM (MIT) packages. Its wheel has 44 MB, so it is fetched
here, by whoever makes a release, and not with the product.

    python -m dev.lifecycle
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "dynosaur_etl" / "llm" / "lifecycle.json"
TABLE = "litellm/model_prices_and_context_window_backup.json"
PROVIDERS = {
    "gemini": "google", "xai": "x-ai", "together_ai": "together", "fireworks_ai": "fireworks",
    "moonshot": "moonshotai", "azure_ai": "azure", "cohere_chat": "cohere", "dashscope": "alibaba",
}  # fmt: skip
"""Names of LiteLLM that are others than those of genai-prices."""


def main() -> None:
    version, table = fetch()
    facts = {
        "source": f"LiteLLM {version}",
        "read_on": datetime.now(UTC).date().isoformat(),
        "ends": ends_of(table),
        "structured": structured(table),
    }
    text = json.dumps(facts, indent=0, sort_keys=True, ensure_ascii=False)
    TARGET.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(f"{sum(map(len, facts['ends'].values()))} models with an end\n")


def fetch() -> tuple[str, dict[str, Any]]:
    """Return LiteLLM's newest version and its table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "litellm", "-d", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        [wheel] = Path(folder).glob("litellm-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return wheel.name.split("-")[1], json.loads(archive.read(TABLE))


def ends_of(table: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return, by provider and model, the day of the end and the successor where there is one."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, entry in table.items():
        end = entry.get("deprecation_date")
        if end and entry.get("mode", "chat") in ("chat", "completion", "responses"):
            successor = entry.get("successor_model")
            named = [end, bare(str(successor), entry)] if successor else [end]
            found[provider(entry)][bare(name, entry)] = named
    return dict(found)


def structured(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, by provider, the chat models that answer by a schema."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, entry in table.items():
        if entry.get("mode") == "chat" and entry.get("supports_response_schema"):
            found[provider(entry)].add(bare(name, entry))
    return {name: sorted(models) for name, models in found.items()}


def provider(entry: Mapping[str, Any]) -> str:
    name = str(entry.get("litellm_provider", "unknown"))
    for family, ours in (("vertex_ai", "google"), ("bedrock", "aws")):
        if name.startswith(family):
            return ours
    return PROVIDERS.get(name, name)


def bare(name: str, entry: Mapping[str, Any]) -> str:
    """Return the name by which the provider itself knows a model."""
    prefix, _, rest = name.partition("/")
    known = str(entry.get("litellm_provider", ""))
    return (
        rest if rest and (prefix == known or prefix in PROVIDERS or prefix == "vertex_ai") else name
    )


if __name__ == "__main__":
    main()

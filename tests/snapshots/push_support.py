"""A Hub of the demo behind a proxy with faults, and what is asked of its repository."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi

ROOT = Path(__file__).resolve().parents[2]
REPO = "team/set"
BOTH_WAYS = pytest.mark.parametrize("way", ["lfs", "xet"], indirect=True)


def client_environment(way: str, home: Path) -> dict[str, str]:
    """What the real client reads when it starts, or when it first uploads by Xet."""
    return {
        "HF_HUB_DISABLE_XET": "1" if way == "lfs" else "0",
        "HF_XET_CACHE": str(home / "xet"),
        "HF_XET_CLIENT_RETRY_BASE_DELAY": "10ms",
        "HF_XET_CLIENT_READ_TIMEOUT": "1s",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def titles(api: HfApi) -> list[str]:
    return [commit.title for commit in api.list_repo_commits(REPO, repo_type="dataset")]


def tags(api: HfApi) -> list[str]:
    return [tag.name for tag in api.list_repo_refs(REPO, repo_type="dataset").tags]

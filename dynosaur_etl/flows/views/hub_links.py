"""Addresses of the Hub."""

from dataclasses import dataclass
from urllib.parse import quote

from dynosaur_etl.domain.redaction import without_login
from dynosaur_etl.flows.runtime.services import Services


@dataclass(frozen=True)
class HubLinks:
    """Where the Hub shows the files and the card of a dataset at a revision."""

    files: str
    card: str


def hub_links(services: Services, dataset: str, revision: str) -> HubLinks:
    """Return the addresses of a dataset at a revision."""
    return dataset_links(str(services.settings.hf_endpoint), dataset, revision)


def dataset_links(endpoint: str, dataset: str, revision: str) -> HubLinks:
    """Return the addresses of a dataset at a revision, on the Hub at that address."""
    at = quote(revision, safe="")
    root = _root(endpoint, dataset)
    return HubLinks(f"{root}/tree/{at}", f"{root}/blob/{at}/README.md")


def row_link(endpoint: str, dataset: str, config: str, split: str, row: int) -> str:
    """Return where the Hub's viewer shows a row; it knows the newest revision only."""
    place = f"{quote(config, safe='')}/{quote(split, safe='')}"
    return f"{_root(endpoint, dataset)}/viewer/{place}?row={row}"


def _root(endpoint: str, dataset: str) -> str:
    return f"{without_login(endpoint).rstrip('/')}/datasets/{quote(dataset)}"

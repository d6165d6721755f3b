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
    root = f"{without_login(services.settings.hf_endpoint).rstrip('/')}/datasets/{quote(dataset)}"
    at = quote(revision, safe="")
    return HubLinks(f"{root}/tree/{at}", f"{root}/blob/{at}/README.md")

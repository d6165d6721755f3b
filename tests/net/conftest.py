"""The scripted Hub and its client, as the Hub's room tests them."""

from tests.hub.conftest import client, hub

__all__ = ["client", "hub"]

"""What can go wrong with the system on this machine."""

from dynosaur_etl.domain.errors import Transient


class SystemDown(Transient):
    """A component of the system does not start, or does not answer."""

"""What can go wrong with the system on this machine."""

from dynosaur_etl.domain.errors import Transient


class SystemDown(Transient):
    """A component of the system does not start, or does not answer."""


class AlertNotSent(Transient):
    """The notifier of the settings has not sent a message."""

"""Guards of the product, each broken on purpose in a process of its own: chaos has to notice."""

from collections.abc import Callable, Mapping


def _no_checksum() -> None:
    from dynosaur_etl.store.storage import Storage

    setattr(Storage, "require_sound", lambda *_: None)  # noqa: B010 - methods cannot be assigned


MUTANTS: Mapping[str, Callable[[], None]] = {"checksum": _no_checksum}

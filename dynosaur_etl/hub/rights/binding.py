"""Which licences hold for a dataset whose card's YAML and text may name different ones."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dynosaur_etl.domain.licences import conditions_of
from dynosaur_etl.hub.rights.reading import NamedLicence

_VERSION = re.compile(r"-\d\.\d$")
_PARTS = re.compile(r"[()]|-(?:and|or|with)-")
_GNU = re.compile(r"(?P<kind>l|a)?gpl(?:-|$)")
_GNU_ORDER = {"l": 0, None: 1, "a": 2}


@dataclass(frozen=True)
class Binding:
    """The licences that hold, and the sentences of the text that made them stricter.

    Attributes:
        named: what the text adds, each with its sentence.
    """

    licences: tuple[str, ...]
    named: tuple[NamedLicence, ...] = ()

    @property
    def sentence(self) -> str:
        """The first sentence that counts; empty where the YAML stands."""
        return self.named[0].sentence if self.named else ""


def bind(yaml: tuple[str, ...], named: Iterable[NamedLicence]) -> Binding:
    """Return the stricter of what YAML and text say.

    A licence of the text holds where no licence of the YAML asks as much. It takes the place of
    those that ask less: of `cc-by-4.0` where the text says CC BY-SA 4.0. Licences that ask for
    different things hold side by side.
    """
    added = [item for item in named if not any(_covers(own, item.licence) for own in yaml)]
    added = [_versioned(item, yaml) for item in added]
    added = [item for item in added if not _is_outdone(item.licence, added)]
    kept = [own for own in yaml if not any(_exceeds(item.licence, own) for item in added)]
    licences = dict.fromkeys([*kept, *(item.licence for item in added)])
    return Binding(tuple(licences), tuple(added))


def _covers(own: str, named: str) -> bool:
    """Return whether a licence, or a choice or sum, asks for what the named one does."""
    return any(
        part == named or (_family(part) == _family(named) and not _exceeds(named, part))
        for part in filter(None, _PARTS.split(own))
    )


def _exceeds(named: str, own: str) -> bool:
    """Return whether the named licence asks for all that another one does, and for more."""
    here, there = _GNU.match(named), _GNU.match(own)
    if here and there:
        return _GNU_ORDER[here["kind"]] > _GNU_ORDER[there["kind"]]
    return conditions_of(own) < conditions_of(named)


def _is_outdone(licence: str, added: Iterable[NamedLicence]) -> bool:
    return any(
        _exceeds(other.licence, licence)
        or (other.licence != licence and _VERSION.sub("", other.licence) == licence)
        for other in added
    )


def _versioned(item: NamedLicence, yaml: tuple[str, ...]) -> NamedLicence:
    """Return a licence of Creative Commons that is named without a version that of the YAML's."""
    if _VERSION.search(item.licence) or not item.licence.startswith("cc-"):
        return item
    versions = [
        found[0] for own in yaml if own.startswith("cc-") and (found := _VERSION.search(own))
    ]
    return NamedLicence(item.sentence, item.licence + versions[0]) if versions else item


def _family(licence: str) -> str:
    if _GNU.match(licence):
        return "gnu"
    return "cc" if licence.startswith("cc-") else licence

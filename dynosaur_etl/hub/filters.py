"""The filters on what the Hub holds; each gives a verdict, and the first drop ends it.

The order, cheapest first:

1. The listing: private, disabled, gated. No request.
2. The licence in the card's YAML: none or unknown, not on the allow list.
3. The languages in the card's YAML: one that is not allowed, several.
4. The card's text: it restricts what the licence of its YAML allows, or names a licence that is
   not on the allow list.
5. Each config's features, before a row is read: images, audio, video or binary data; translation
   pairs; fewer than two fields that can serve a task, none that can be its output, or
   measurements alone, unless the config may be an instruction set.
6. Each config's sampled text, where the card leaves the language open.

1 to 3 need no request where the Hub's list shows the YAML of the revision. Which configs are looked
at is decided between 4 and 5, by `dynosaur_etl.hub.configs`.
"""

from collections.abc import Callable, Collection

from dynosaur_etl.domain.features import FieldKind, usable_fields
from dynosaur_etl.domain.language import CODE, SEVERAL_LANGUAGES
from dynosaur_etl.domain.licences import conditions_of
from dynosaur_etl.domain.models import KEEP, Card, Config, Listing, Told, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.spdx import is_allowed, is_allowed_in_some_version
from dynosaur_etl.forms.find import may_have_form
from dynosaur_etl.hub.cards import card_of
from dynosaur_etl.hub.part_paths import parts_of
from dynosaur_etl.hub.rights.binding import Binding, bind
from dynosaur_etl.hub.rights.reading import rights_of

LEAST_FIELDS = 2

_SAID = frozenset({FieldKind.TEXT, FieldKind.LABEL, FieldKind.TEXT_LIST})

_NO_LICENCE = frozenset({"unknown", "none", "unlicensed"})
_UNKNOWN_LANGUAGES = frozenset({"unknown", "und", "zxx", "n-a"})


def examine_listing(listing: Listing) -> Verdict:
    """Drop what the Hub does not give to everybody."""
    if listing.private:
        return Verdict(Reason.PRIVATE, "the Hub lists it as private")
    if listing.disabled:
        return Verdict(Reason.DISABLED, "the Hub lists it as disabled")
    if listing.gated:
        return Verdict(Reason.GATED, "the Hub lists it as gated")
    return KEEP


def examine_card(
    card: Card, licences: Collection[str], languages: Collection[str], multilingual: bool = False
) -> Verdict:
    """Drop a card by the licence of its YAML, by its languages, by what its text adds.

    Every licence of the card has to be allowed; SPDX spellings and expressions are read. One
    natural language has to be left, or only allowed ones; `code` goes with any, and alone, as in
    Dynosaur's own collection. A card that names none is kept: `examine_language` decides by the
    text.

    Args:
        card: the card.
        licences: allowed licences, the Hub's identifiers.
        languages: allowed languages, codes without a region; a card's `en-US` is `en`.
        multilingual: of several languages one that is allowed is enough.
    """
    verdict = _examine_licence(card, licences)
    if verdict.keep:
        verdict = _examine_languages(card, languages, multilingual)
    return _examine_text(card, licences) if verdict.keep else verdict


def examine_rights(card: Card, licences: Collection[str]) -> Verdict:
    """Drop a card by its licence and by what its text adds, as `examine_card` does."""
    verdict = _examine_licence(card, licences)
    return _examine_text(card, licences) if verdict.keep else verdict


def binding_of(card: Card) -> Binding:
    """Give the licences that hold for a card: the stricter of what its YAML and its text name."""
    return bind(card.licences, rights_of(card.statements).licences)


def examine_told(told: Told, judge: Callable[[Card], Verdict]) -> Verdict:
    """Drop what its card would be dropped for, with the card's reason and detail.

    Args:
        told: what the Hub's list tells of the card at the revision that is examined.
        judge: the filter on cards.
    """
    return judge(card_of(told))


def known_languages(card: Card) -> list[str]:
    """Give the codes that do not say that the language is unknown; there may be several."""
    return [code for code in card.languages if code not in _UNKNOWN_LANGUAGES]


def stated_languages(card: Card) -> list[str]:
    """Give the codes that name a language; that there are several alone names none."""
    codes = known_languages(card)
    return [] if set(codes) <= SEVERAL_LANGUAGES else codes


def leaves_language_open(card: Card, languages: Collection[str]) -> bool:
    """Tell whether the text has to show the language: the card names none, or other ones too."""
    natural = _natural(card)
    return not stated_languages(card) or any(code not in languages for code in natural)


def examine_language(card: Card, detected: str | None, languages: Collection[str]) -> Verdict:
    """Drop a config by the language of its text, where its card leaves that open.

    Args:
        card: the card of the dataset; where it names languages, undecided text is kept.
        detected: code of the text's language, None where it cannot be told.
        languages: allowed languages.
    """
    if detected is None and not stated_languages(card):
        return Verdict(Reason.LANGUAGE_UNKNOWN, "the card names none, and the text shows none")
    if detected is not None and detected not in languages:
        return Verdict(Reason.LANGUAGE_NOT_ALLOWED, f"{detected}, as the text shows")
    return KEEP


def examine_config(config: Config) -> Verdict:
    """Drop a config by the types of its fields, before a row of it is read.

    One whose fields are too few for a task is kept where its rows may be those of an instruction
    set, or where a nested field has several texts; `examine_fields` decides when its rows are read.
    """
    fields = config.fields
    media = [field.name for field in fields if field.kind is FieldKind.MEDIA]
    if media:
        return Verdict(Reason.MODALITY, f"fields {_named(media)}")
    pairs = [field.name for field in fields if field.kind is FieldKind.TRANSLATION]
    if pairs:
        return Verdict(Reason.TRANSLATION, f"fields {_named(pairs)}")
    may_be_more = may_have_form(config.features) or _may_have_parts(config)
    return KEEP if may_be_more else examine_fields(config)


def _may_have_parts(config: Config) -> bool:
    """Tell whether one nested field holds two texts or more, which may be enough for a task."""
    nested = [field.name for field in config.fields if field.flattens]
    return any(len(list(parts_of(config.features[name]))) > 1 for name in nested)


def examine_fields(config: Config) -> Verdict:
    """Drop a config whose fields no task could be made of; a field's name says nothing."""
    fields = config.fields
    usable = usable_fields(fields)
    names = _named([field.name for field in usable]) or "none"
    if len(usable) < LEAST_FIELDS:
        return Verdict(Reason.TOO_FEW_FIELDS, f"{len(usable)} of {len(fields)} fields: {names}")
    if not any(field.can_be_output for field in usable):
        return Verdict(Reason.TOO_FEW_FIELDS, f"none for an output, for an input {names}")
    measured = [field.name for field in fields if field.kind is FieldKind.NUMBER_LIST]
    if measured and not any(field.kind in _SAID or field.flattens for field in usable):
        return Verdict(Reason.TOO_FEW_FIELDS, f"measurements {_named(measured)}, and no text")
    return KEEP


def _examine_licence(card: Card, allowed: Collection[str]) -> Verdict:
    if not card.licences or _NO_LICENCE.intersection(card.licences):
        return Verdict(Reason.LICENCE_MISSING, _named(card.licences) or "no licence")
    refused = [licence for licence in card.licences if not is_allowed(licence, allowed)]
    if refused:
        name = f" ({card.licence_name})" if card.licence_name else ""
        return Verdict(Reason.LICENCE_NOT_ALLOWED, _named(refused) + name)
    return KEEP


def _examine_text(card: Card, allowed: Collection[str]) -> Verdict:
    """Drop what the text restricts beyond the YAML, by the sentence that says so.

    A restriction that a licence of the YAML has itself, such as a non-commercial one, is none.
    """
    own = {condition for licence in card.licences for condition in conditions_of(licence)}
    for restriction in rights_of(card.statements).restrictions:
        if restriction.condition not in own:
            return _conflict(card, restriction.sentence)
    binding = binding_of(card)
    for named in binding.named:
        if not is_allowed_in_some_version(named.licence, allowed):
            return _conflict(card, named.sentence)
    return KEEP


def _conflict(card: Card, sentence: str) -> Verdict:
    found = f"{_named(card.licences)}, but the text says: {sentence}"
    return Verdict(Reason.LICENCE_CONFLICT, found)


def _examine_languages(card: Card, allowed: Collection[str], multilingual: bool) -> Verdict:
    natural = _natural(card)
    refused = [code for code in natural if code not in allowed]
    if not refused or (multilingual and len(refused) < len(natural)):
        return KEEP
    reason = Reason.LANGUAGE_NOT_ALLOWED if len(natural) == 1 else Reason.MULTILINGUAL
    return Verdict(reason, _named(stated_languages(card)))


def _natural(card: Card) -> list[str]:
    """Give the languages without their regions, each once, and without `code`."""
    spoken = dict.fromkeys(code.partition("-")[0] for code in stated_languages(card))
    return [code for code in spoken if code != CODE]


def _named(names: Collection[str], most: int = 10) -> str:
    """Join names for a reader, a long list cut short."""
    listed = [name[:100] for name in names]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" * (len(listed) > most))

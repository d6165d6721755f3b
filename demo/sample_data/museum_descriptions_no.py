"""Norwegian museum texts; the language of the card is the bare word `no`."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    classes,
    mixed,
)

_PERIODS = ("middelalderen", "1700-tallet", "1800-tallet", "1900-tallet")
_PLACES = ("Fjellvik", "Storlia", "Nedre Sund", "Haugnes")
_OBJECTS = (
    ("dreid trebolle", "Bollen er dreid av bjørk og har et malt bånd langs kanten."),
    ("vevd teppe", "Teppet er vevd i rødt og blått, og mønsteret viser to rader med fugler."),
    ("fiskekrok av bein", "Kroken er skåret av hvalbein og er slitt der snøret har vært festet."),
    ("sølvspenne", "Spennen ble båret til fest og har en liten krone i midten."),
    ("salmebok", "Boken har lås av messing, og noen har skrevet navnet sitt på første side."),
    ("smørform", "Formen satte et avtrykk av en rose på smøret før det ble båret til bords."),
)
_ORIGINS = (
    "Gjenstanden ble funnet på et loft i {place} og gitt til museet av familien på gården.",
    "Gjenstanden kom til museet fra {place} sammen med en kiste full av klær.",
)


def _rows() -> list[Row]:
    combinations = mixed("museum", _OBJECTS, _ORIGINS, _PLACES, range(len(_PERIODS)))
    return [
        {
            "gjenstand": name,
            "beskrivelse": f"{text} {origin.format(place=place)}",
            "periode": period,
        }
        for (name, text), origin, place, period in combinations[:24]
    ]


_TEXT = """
# Museumsbeskrivelser

## Om datasettet

Korte beskrivelser av gjenstander fra fire oppdiktede bygdemuseer, med navnet på gjenstanden og
perioden den er fra. Tekstene er skrevet på bokmål.
"""

DATASET = SampleDataset(
    id="nordlys/museumsbeskrivelser",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Beskrivelser av gjenstander fra bygdemuseer.",
            {"gjenstand": STRING, "beskrivelse": STRING, "periode": classes(*_PERIODS)},
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-05T18:22:00Z",
            "Legg til museumsbeskrivelser",
            Front("Museumsbeskrivelser", ("no",), ("cc-by-4.0",), ("text-classification",)),
            _TEXT,
        ),
    ),
    downloads=95,
    likes=7,
)

"""Phrases for sailors in English and German: a translation."""

from demo.sample_data.model import (
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    translation,
)

_PHRASES = (
    ("Where may we tie up for the night?", "Wo dürfen wir für die Nacht festmachen?"),
    ("How deep is the water at the quay?", "Wie tief ist das Wasser am Kai?"),
    ("The engine does not start.", "Der Motor springt nicht an."),
    ("We need fresh water and diesel.", "Wir brauchen Frischwasser und Diesel."),
    ("Please take our line.", "Bitte nehmen Sie unsere Leine an."),
    ("The wind will turn to the west tonight.", "Der Wind dreht heute Nacht auf West."),
    ("Is there a sailmaker in town?", "Gibt es einen Segelmacher im Ort?"),
    ("The anchor is holding well.", "Der Anker hält gut."),
    ("When does the lock open?", "Wann öffnet die Schleuse?"),
    ("We have lost a fender.", "Wir haben einen Fender verloren."),
    ("The fog should lift by noon.", "Der Nebel sollte sich bis Mittag lichten."),
    ("How much is the harbour fee?", "Wie hoch ist die Hafengebühr?"),
    ("Two people are on board.", "Zwei Personen sind an Bord."),
    ("The light on the pier is out.", "Das Licht auf der Mole ist ausgefallen."),
    ("May we borrow your bicycle?", "Dürfen wir uns Ihr Fahrrad leihen?"),
    ("The mast must come down here.", "Der Mast muss hier gelegt werden."),
    ("A gale warning is in force.", "Es gilt eine Sturmwarnung."),
    ("The showers are behind the office.", "Die Duschen sind hinter dem Büro."),
    ("We are waiting for the tide.", "Wir warten auf die Flut."),
    ("Our rudder is damaged.", "Unser Ruder ist beschädigt."),
    ("The baker comes to the jetty at eight.", "Der Bäcker kommt um acht an den Steg."),
    ("Keep clear of the ferry.", "Halten Sie sich von der Fähre frei."),
    ("You can pay in the morning.", "Sie können morgen früh bezahlen."),
    ("The current is strong at the entrance.", "An der Einfahrt ist die Strömung stark."),
    ("We saw a seal beside the buoy.", "Wir haben neben der Boje eine Robbe gesehen."),
    ("Thank you for your help.", "Vielen Dank für Ihre Hilfe."),
)


def _rows() -> list[Row]:
    return [{"translation": {"en": en, "de": de}, "page": 1} for en, de in _PHRASES]


_TEXT = """
# Harbour phrases

Sentences that are useful in a harbour, in English and in German.
"""

DATASET = SampleDataset(
    id="lexiloom/harbour-phrases",
    licence_class="permissive",
    configs=(
        Config(
            "en-de",
            "Phrases in English and German.",
            {
                "translation": translation("en", "de"),
                "page": {"dtype": "int32", "_type": "Value"},
            },
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-08T09:20:00Z",
            "Add phrases",
            Front("Harbour phrases", ("en", "de"), ("apache-2.0",), ("translation",)),
            _TEXT,
        ),
    ),
    downloads=212,
    likes=5,
)

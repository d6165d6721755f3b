"""Invented proverbs: one field, too few for a task."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    SampleDataset,
)

_SAYINGS = (
    "A borrowed ladder is always too short.",
    "The slow kettle still makes tea.",
    "Who counts the rain will sow too late.",
    "One good neighbour is worth three fences.",
    "A loud door has a quiet room behind it.",
    "Do not praise the bread before it has cooled.",
    "The ferry waits for nobody and misses nobody.",
    "An empty basket is light and no help at all.",
    "Teach the child the way, and the way will teach the child.",
    "A map is no boots.",
    "He who sharpens every evening cuts in the morning.",
    "The tallest weed is seen first.",
    "Bees do not argue about the flower.",
    "A patched sail still knows the wind.",
    "Better a small lamp than a long speech in the dark.",
    "The well is deepest for the thirsty.",
    "Old paths are wide for a reason.",
    "You cannot fold a river.",
    "A guest who washes up is asked again.",
    "The cat has no calendar and is never late.",
    "Snow hides the path but not the distance.",
    "Two cooks make one soup and three stories.",
    "A rope is as good as its last knot.",
    "Listen to the roof before the storm does.",
)

_TEXT = """
# Proverbs of a village that does not exist

One saying a row.
"""

DATASET = SampleDataset(
    id="brackenhill/proverbs",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Invented proverbs.",
            {"saying": STRING},
            {"train": [{"saying": saying} for saying in _SAYINGS]},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-08T16:48:00Z",
            "Add proverbs",
            Front("Proverbs", ("en",), ("cc0-1.0",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=77,
    likes=8,
)

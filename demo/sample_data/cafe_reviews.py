"""Reviews of invented cafés: a ClassLabel with hidden labels, and a card that was changed later."""

from collections.abc import Container

from demo.sample_data.model import (
    INTEGER,
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    classes,
    mixed,
    pick,
    shuffled,
)

_LABELS = ("negative", "neutral", "positive")
_CAFES = ("The Copper Kettle", "Anchor & Oat", "Moth Lane", "Tideline Coffee", "Second Breakfast")
_STARS = {"negative": (1, 2), "neutral": (3,), "positive": (4, 5)}

_OPENINGS = {
    "negative": (
        "We waited forty minutes for two flat whites, and one of them never came.",
        "My toast was burnt on one side and still frozen on the other.",
        "The staff talked among themselves while the queue reached the door.",
        "They charged me for an extra shot that I had not asked for.",
        "The scone was so dry that I left half of it on the plate.",
        "Our table was sticky, and nobody came to wipe it even after we asked twice.",
        "The soup of the day tasted of nothing but salt.",
    ),
    "neutral": (
        "It is an ordinary café with ordinary prices next to the station.",
        "The cappuccino was decent, though it came in a paper cup.",
        "I had the lentil soup, which was warm and filling, if a little plain.",
        "The room is bright, but the chairs are hard after an hour.",
        "Service was quick at nine and slow at noon, as one would expect.",
        "The cake was good and the tea was weak.",
        "They have three kinds of sandwich, and two of them are fine.",
    ),
    "positive": (
        "The cinnamon buns are still warm when the doors open at seven.",
        "A barista noticed that my daughter was bored and drew her a fox in the milk foam.",
        "This is the best filter coffee I have had since I moved to the river district.",
        "They remembered my order on the second visit.",
        "The mushroom toast with lemon is worth the walk up the hill.",
        "There are plants in every window and a quiet corner for reading.",
        "The owner let us stay until the rain was over and brought us biscuits.",
    ),
}
_CLOSINGS = {
    "negative": (
        "I will not be going back.",
        "For that price I expect more.",
        "The view is the only thing I would recommend.",
        "It used to be better before the renovation.",
        "I asked for my money back and got a shrug.",
    ),
    "neutral": (
        "I would stop there again if I had a train to wait for.",
        "Nothing special, nothing wrong.",
        "Fine for a short break.",
        "My friend liked it more than I did.",
        "I have no strong feelings about it either way.",
    ),
    "positive": (
        "We have been back twice this month.",
        "Go early, because it fills up fast.",
        "I left with a bag of their beans.",
        "It has become our Sunday ritual.",
        "Every neighbourhood should have a place like this.",
    ),
}


def _reviews(label: str) -> list[Row]:
    pairs = mixed(f"cafe {label}", _OPENINGS[label], _CLOSINGS[label])
    return [
        {
            "review": f"{opening} {closing}",
            "cafe": pick(f"cafe {opening} {closing}", _CAFES),
            "stars": pick(f"stars {opening} {closing}", _STARS[label]),
            "sentiment": _LABELS.index(label),
        }
        for opening, closing in pairs
    ]


def _split(first: int, last: int, hidden: Container[int]) -> list[Row]:
    """Reviews of every label; that of the hidden ones is -1, as the Hub's datasets write it."""
    chosen = [row for label in _LABELS for row in _reviews(label)[first:last]]
    rows = shuffled(f"cafe order {first}", chosen)
    return [
        {**row, "sentiment": -1} if number in hidden else row for number, row in enumerate(rows)
    ]


_FIRST_TEXT = """
# Café reviews from the river district

## Dataset summary

Short reviews of five cafés, each with a sentiment and a number of stars.
"""

_SECOND_TEXT = """
# Café reviews from the river district

## Dataset summary

Short reviews of five invented cafés. Each review has a sentiment (negative, neutral or positive)
and one to five stars. The dataset suits sentiment classification and the writing of reviews.

## Data fields

- `review`: the text, two sentences long
- `cafe`: the name of the café
- `stars`: one to five
- `sentiment`: negative, neutral or positive; -1 where the label is hidden

## Changes

The sentiment of a few training reviews is now hidden, because the two annotators disagreed.
"""

_FRONT = Front("Café reviews", ("en",), ("cc-by-4.0",), ("text-classification",))

DATASET = SampleDataset(
    id="riverside/cafe-reviews",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Reviews of cafés with sentiment and stars.",
            {
                "review": STRING,
                "cafe": STRING,
                "stars": INTEGER,
                "sentiment": classes(*_LABELS),
            },
            {"train": _split(0, 18, (11, 30)), "test": _split(18, 22, range(12))},
        ),
    ),
    revisions=(
        Revision("2026-10-05T07:12:00Z", "Add café reviews", _FRONT, _FIRST_TEXT),
        Revision("2026-10-07T15:40:00Z", "Describe the hidden labels", _FRONT, _SECOND_TEXT),
    ),
    downloads=1840,
    likes=23,
)

"""Messages of old postcards; the card of the dataset names no licence."""

from demo.sample_data.model import (
    INTEGER,
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    mixed,
    pick,
)

_PLACES = ("the seaside", "the mountains", "the lake", "the capital")
_NEWS = (
    "The weather has been kind to us since Thursday, and the children are brown as nuts.",
    "It rains every afternoon, so we play cards in the hall and drink far too much tea.",
    "Yesterday we walked to the lighthouse and back, and my shoes will never be the same.",
    "The landlady bakes a plum cake each morning; I have asked her for the recipe.",
    "Uncle Piet has lost his hat to the wind for the second time.",
    "Our room looks out on the harbour, and the boats wake us at five.",
)
_GREETINGS = (
    "We shall be home on Sunday. Kiss the cat for me.",
    "Wish you were here, and please water the beans.",
    "More when I see you. Yours, Ada.",
)


def _rows() -> list[Row]:
    return [
        {
            "message": f"{news} {greeting}",
            "sent_from": place,
            "year": pick(f"{news} {greeting} {place}", range(1921, 1939)),
        }
        for news, greeting, place in mixed("postcards", _NEWS, _GREETINGS, _PLACES)[:26]
    ]


_TEXT = """
# Found postcards

Messages in the style of postcards from the nineteen-twenties and thirties, with the place that
they were sent from and the year.
"""

DATASET = SampleDataset(
    id="attic/found-postcards",
    licence_class="none",
    configs=(
        Config(
            "default",
            "Messages of postcards.",
            {"message": STRING, "sent_from": STRING, "year": INTEGER},
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-06T20:55:00Z",
            "Upload postcards",
            Front("Found postcards", ("en",), (), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=61,
    likes=2,
)

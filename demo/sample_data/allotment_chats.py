"""Chats about an invented allotment: `messages`, some with a system turn, some of several turns."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    listed,
)

_ADVISER = "You advise the members of an allotment society. Answer in two or three plain sentences."

_SHORT: tuple[tuple[str, str], ...] = (
    (
        "When should I sow broad beans?",
        "Sow them in late autumn or in early spring, about five centimetres deep. Autumn sowings "
        "flower earlier and often escape the blackfly.",
    ),
    (
        "How can I keep slugs away from my lettuce without poison?",
        "Water in the morning, so that the soil is dry by night, and pick the slugs off at dusk. A "
        "board laid between the rows gives them a place to hide where you find them easily.",
    ),
    (
        "Is it true that carrots and onions help each other?",
        "They are often grown side by side because the smell of one is said to confuse the fly of "
        "the other. A fine net over the carrots is far more reliable.",
    ),
    (
        "What do I do with the plot over winter?",
        "Clear what is diseased, spread compost over the bare soil and leave the digging to the "
        "worms. A green manure such as rye keeps the rain from washing the goodness out.",
    ),
    (
        "Why do my tomatoes split?",
        "They take up more water than their skin can hold, usually when heavy rain follows a dry "
        "spell. Water evenly and pick the fruit when it begins to colour.",
    ),
    (
        "Which vegetables grow in half shade?",
        "Leaves do best there: lettuce, spinach, chard and parsley. Fruiting plants such as "
        "tomatoes and squash need the sun.",
    ),
    (
        "How deep should I plant garlic?",
        "Push each clove in with the point upwards until its tip is two or three centimetres "
        "below the surface. Leave a hand's width between the cloves.",
    ),
)

_LONGER: tuple[tuple[str, ...], ...] = (
    (
        "My courgette plant has plenty of flowers but no fruit. What is wrong?",
        "Early in the season most flowers are male. Look at the stalk: a female flower has a "
        "small courgette behind it.",
        "I see only thin stalks.",
        "Then the plant is still young and will make female flowers within a week or two. Keep it "
        "well watered until then.",
    ),
    (
        "Can I compost orange peel?",
        "Yes, in small amounts and cut into pieces. It rots slowly, so mix it with softer waste.",
        "And what about cooked rice?",
        "Leave cooked rice out of an open heap, because it attracts rats. A closed hot composter "
        "can take a little of it.",
    ),
    (
        "I have one raised bed of two square metres. What would you grow?",
        "Grow what tastes best fresh and takes little room: salad leaves, radishes, bush beans "
        "and a pot of basil at the corner.",
        "Could I have something for the winter as well?",
        "Yes. When the beans are over in August, sow lamb's lettuce and winter purslane in their "
        "place and pick them until spring.",
    ),
    (
        "The leaves of my beans are covered with black insects.",
        "Those are blackfly, a kind of aphid. Pinch out the tips of the plants, where most of "
        "them sit, and wash off the rest with water.",
        "Will they come back?",
        "Probably, but ladybirds usually follow them within a fortnight. Look every two days and "
        "you will stay ahead.",
        "Do I have to throw the beans away?",
        "No. The pods are sound; rinse them before you cook them.",
    ),
    (
        "How often should I water seedlings?",
        "As often as the surface begins to dry, which is once a day in most rooms. Water from "
        "below, so that the stems do not fall over.",
        "They fell over already.",
        "That is most likely damping off, a fungus. Sow again in fresh compost, thinner than "
        "before, and give the seedlings more air.",
    ),
)


def _chat(*texts: str, has_system: bool) -> Row:
    turns = [
        {"role": ("user", "assistant")[number % 2], "content": text}
        for number, text in enumerate(texts)
    ]
    system = [{"role": "system", "content": _ADVISER}] if has_system else []
    return {"messages": [*system, *turns]}


_CHATS = [
    _chat(*texts, has_system=number % 2 == 0) for number, texts in enumerate((*_SHORT, *_LONGER))
]

_TEXT = """
# Allotment chats

## Dataset summary

Twelve short chats between members of an invented allotment society and its adviser, for
supervised fine-tuning. Half of them begin with a system turn, and five have several questions.

## Data fields

- `messages`: the turns in their order, each with a `role` (system, user or assistant) and its
  `content`

## Source

Written by hand for this dataset; no model and no real person had a part in it.
"""

DATASET = SampleDataset(
    id="gardenpath/allotment-chats",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Chats about growing vegetables.",
            {"messages": listed(role=STRING, content=STRING)},
            {"train": _CHATS},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T18:05:00Z",
            "Add allotment chats",
            Front("Allotment chats", ("en",), ("apache-2.0",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=640,
    likes=12,
)

"""Talks at an invented bicycle workshop, as ShareGPT stores them: `from` and `value`."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    listed,
)

_TALKS: tuple[tuple[str, ...], ...] = (
    (
        "My chain jumps when I stand on the pedals. Is it worn?",
        "Very likely. Measure twelve full links: new, they are 30.5 centimetres long. From about "
        "30.7 centimetres on, change the chain, and look at the cassette as well.",
    ),
    (
        "How hard should I pump the tyres of a city bike?",
        "Between three and four bar for tyres of forty millimetres. The side of the tyre names "
        "the least and the most that it bears; stay between the two.",
    ),
    (
        "The brakes squeal whenever it rains.",
        "Wet rims and dirty pads often squeal. Clean the rim with spirit, roughen the pads with "
        "sandpaper, and set their front edge a millimetre closer to the rim.",
        "They still squeal a little.",
        "Then the pads have probably hardened. A new pair costs little and ends the noise in most "
        "cases.",
    ),
    (
        "Can I mend a puncture without taking the wheel out?",
        "Yes. Lift one side of the tyre off the rim, pull out only the part of the tube with the "
        "hole, roughen it, glue a patch on and press it for a minute.",
    ),
    (
        "What is the right height of the saddle?",
        "Sit on the bike and put your heel on the lower pedal: the leg should be just straight. "
        "With the ball of the foot on the pedal the knee then stays slightly bent.",
        "My hips rock from side to side now.",
        "Then the saddle is too high. Lower it by half a centimetre at a time until they are "
        "still.",
    ),
    (
        "Which oil is good for a chain in winter?",
        "A wet lubricant, because rain does not wash it off so soon. Put one drop on each roller "
        "and wipe the outside dry, or it collects grit.",
    ),
    (
        "My front light flickers on cobbles.",
        "Look for a loose contact first: the plug at the hub and the earth wire at the lamp. If "
        "both are tight, bend the contacts a little and try again.",
    ),
    (
        "I hear a click once in each turn of the pedals.",
        "Something that turns with the crank is loose: a pedal, the crank itself or the bottom "
        "bracket. Grease the pedal threads and tighten them before you look further.",
        "It was the left pedal. Thank you!",
        "Good. Remember that the left pedal has a left-hand thread, so that it tightens when you "
        "turn it anticlockwise.",
    ),
    (
        "How do I clean the bike without harming the bearings?",
        "Use a bucket, a soft brush and a little soap. Keep any strong jet of water away from the "
        "hubs and the bottom bracket, because it drives out the grease.",
    ),
    (
        "Are used inner tubes good for anything?",
        "Cut into strips they make straps for the luggage rack, and small squares of them serve "
        "as patches. Tubes without a use belong in the residual waste.",
    ),
    (
        "My gears do not go into the smallest sprocket.",
        "Either the cable is too tight or the stop screw marked H is too far in. Loosen the cable, "
        "turn the screw out by a quarter turn and try again.",
        "What does the other screw do?",
        "The one marked L keeps the chain from falling into the spokes at the largest sprocket. "
        "Leave it as it is if that end works.",
    ),
    (
        "What should I carry on a day's tour?",
        "A spare tube, two tyre levers, a pump and a small set of hexagon keys. With these you "
        "can put right nine out of ten troubles at the roadside.",
    ),
)


def _talk(number: int, texts: tuple[str, ...]) -> Row:
    turns = [
        {"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(texts)
    ]
    return {"id": f"talk-{number:03}", "source": "workshop evening", "conversations": turns}


_TEXT = """
# Workshop talks

## Dataset summary

Questions and advice from the evenings of an invented bicycle workshop, in the form of ShareGPT.

## Data fields

- `id`: the number of the talk
- `source`: where it was noted down
- `conversations`: the turns, each with `from` (human or gpt) and `value`

The names `human` and `gpt` are those of the format. All turns were written by hand.
"""

DATASET = SampleDataset(
    id="bikeshed/workshop-talks",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Talks about the repair of bicycles.",
            {
                "id": STRING,
                "source": STRING,
                "conversations": listed(**{"from": STRING, "value": STRING}),
            },
            {"train": [_talk(number, texts) for number, texts in enumerate(_TALKS, 1)]},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T18:40:00Z",
            "Add workshop talks",
            Front("Workshop talks", ("en",), ("mit",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=410,
    likes=9,
)

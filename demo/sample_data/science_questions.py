"""School science with four choices each: a field that is a list of strings."""

from demo.sample_data.model import (
    STRING,
    STRINGS,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    classes,
    shuffled,
)

_TOPICS = ("physics", "chemistry", "biology", "earth and space")

# topic, question, answer, three wrong choices, explanation
_ITEMS: tuple[tuple[str, str, str, tuple[str, str, str], str], ...] = (
    (
        "physics",
        "Why does a metal spoon feel colder than a wooden one in the same room?",
        "Metal conducts heat away from the hand faster.",
        ("Metal is always below room temperature.", "Wood makes heat.", "Metal reflects cold."),
        "Both spoons have the temperature of the room, but metal carries heat off more quickly.",
    ),
    (
        "physics",
        "Which force slows a sledge on level snow?",
        "friction",
        ("magnetism", "buoyancy", "surface tension"),
        "The runners rub against the snow, and friction acts against the motion.",
    ),
    (
        "physics",
        "What happens to the pitch of a guitar string when it is tightened?",
        "It rises.",
        ("It falls.", "It stays the same.", "It disappears."),
        "A tighter string vibrates faster, and faster vibration is heard as a higher pitch.",
    ),
    (
        "physics",
        "Why can a straw look bent in a glass of water?",
        "Light changes direction as it leaves the water.",
        ("Water pushes the straw.", "The glass is magnetic.", "The straw becomes soft."),
        "Light is refracted at the surface, so the part under water seems to be elsewhere.",
    ),
    (
        "physics",
        "Which unit measures electrical resistance?",
        "ohm",
        ("volt", "watt", "newton"),
        "Resistance is voltage divided by current, and its unit is the ohm.",
    ),
    (
        "physics",
        "Why do we see lightning before we hear its thunder?",
        "Light travels faster than sound.",
        ("Thunder starts later.", "Ears work slowly.", "Clouds hold sound back."),
        "Both begin together, but light reaches us almost at once and sound takes seconds.",
    ),
    (
        "physics",
        "What does a lever with a long arm save?",
        "force",
        ("energy", "time", "mass"),
        "A longer arm needs less force over a longer way; the work stays the same.",
    ),
    (
        "chemistry",
        "Which gas makes bread dough rise?",
        "carbon dioxide",
        ("oxygen", "helium", "hydrogen"),
        "Yeast turns sugar into carbon dioxide, whose bubbles lift the dough.",
    ),
    (
        "chemistry",
        "What is formed when iron rusts?",
        "iron oxide",
        ("iron chloride", "pure iron", "carbon steel"),
        "Iron reacts with oxygen and water, and the reddish product is a hydrated iron oxide.",
    ),
    (
        "chemistry",
        "Which value on the pH scale is neutral?",
        "7",
        ("0", "3", "14"),
        "Values under seven are acidic and values above it are alkaline.",
    ),
    (
        "chemistry",
        "Why is salt spread on icy roads?",
        "It lowers the freezing point of water.",
        ("It heats the road.", "It makes ice harder.", "It absorbs sunlight."),
        "Salty water stays liquid below zero degrees, so the ice melts.",
    ),
    (
        "chemistry",
        "Which particle of an atom has a negative charge?",
        "electron",
        ("proton", "neutron", "nucleus"),
        "Electrons are negative, protons are positive, and neutrons carry no charge.",
    ),
    (
        "chemistry",
        "What do vinegar and baking soda give off when they are mixed?",
        "carbon dioxide",
        ("chlorine", "nitrogen", "steam"),
        "The acid reacts with the hydrogencarbonate, and carbon dioxide bubbles out.",
    ),
    (
        "chemistry",
        "How can sugar be won back from sweet water?",
        "by letting the water evaporate",
        ("with a magnet", "with a paper filter", "by shaking"),
        "Dissolved sugar passes through a filter but stays behind when the water evaporates.",
    ),
    (
        "chemistry",
        "Which element is found in every organic compound?",
        "carbon",
        ("iron", "sodium", "neon"),
        "Organic chemistry is the chemistry of carbon compounds.",
    ),
    (
        "biology",
        "Which part of a plant takes in most of its water?",
        "the roots",
        ("the flowers", "the bark", "the seeds"),
        "Fine root hairs draw water from the soil, and the stem carries it upwards.",
    ),
    (
        "biology",
        "Why do many leaves turn yellow in autumn?",
        "The green chlorophyll breaks down.",
        ("They are burnt by the sun.", "They take up iron.", "They fill with sap."),
        "When chlorophyll is broken down, the yellow pigments that were there become visible.",
    ),
    (
        "biology",
        "Which blood cells fight infection?",
        "white blood cells",
        ("red blood cells", "platelets", "nerve cells"),
        "White blood cells find and destroy germs; red ones carry oxygen.",
    ),
    (
        "biology",
        "What do bees collect besides nectar?",
        "pollen",
        ("resin only", "sand", "seeds"),
        "Pollen gives the larvae protein, and bees carry it home on their legs.",
    ),
    (
        "biology",
        "Which organ do fish use to take oxygen from water?",
        "gills",
        ("fins", "scales", "the swim bladder"),
        "Water flows over the gills, where oxygen passes into the blood.",
    ),
    (
        "biology",
        "What is an animal called that eats both plants and meat?",
        "an omnivore",
        ("a herbivore", "a carnivore", "a parasite"),
        "Badgers, crows and people are omnivores.",
    ),
    (
        "biology",
        "Where does a mushroom get its food?",
        "from dead or living matter around it",
        ("from sunlight", "from the air", "from rain alone"),
        "Fungi have no chlorophyll and digest what their threads grow through.",
    ),
    (
        "biology",
        "Which joint lets the arm swing in almost every direction?",
        "a ball-and-socket joint",
        ("a hinge joint", "a fixed joint", "a sliding joint"),
        "The round head of the upper arm turns in the socket of the shoulder.",
    ),
    (
        "earth and space",
        "What causes day and night?",
        "the turning of the Earth on its axis",
        ("the Moon's shadow", "the Earth's way round the Sun", "clouds"),
        "The Earth turns once in about twenty-four hours, so every place meets light and dark.",
    ),
    (
        "earth and space",
        "Which rock forms when lava cools?",
        "igneous rock",
        ("sedimentary rock", "chalk", "sandstone"),
        "Igneous rocks such as basalt are made of material that was once molten.",
    ),
    (
        "earth and space",
        "Why are the tides highest around the new and the full Moon?",
        "The Sun and the Moon pull along one line.",
        ("The Moon is larger then.", "The wind is stronger.", "The sea is warmer."),
        "When Sun, Earth and Moon stand in line, their pulls add up to a spring tide.",
    ),
    (
        "earth and space",
        "Which planet is closest to the Sun?",
        "Mercury",
        ("Venus", "Mars", "Jupiter"),
        "Mercury circles the Sun in only eighty-eight days.",
    ),
    (
        "earth and space",
        "What is a barometer for?",
        "measuring the pressure of the air",
        ("measuring rain", "measuring wind", "measuring humidity"),
        "Falling pressure often announces wind and rain.",
    ),
    (
        "earth and space",
        "How is a valley with the shape of a U usually made?",
        "by a glacier",
        ("by wind", "by a small stream", "by an earthquake"),
        "Ice grinds the sides and the floor, whereas a stream cuts a valley like a V.",
    ),
    (
        "earth and space",
        "What is the main gas in the air that we breathe?",
        "nitrogen",
        ("oxygen", "carbon dioxide", "argon"),
        "About seventy-eight percent of dry air is nitrogen.",
    ),
)


def _rows() -> list[Row]:
    rows = [
        {
            "question": question,
            "choices": shuffled(question, (answer, *wrong)),
            "answer": answer,
            "topic": _TOPICS.index(topic),
            "explanation": explanation,
        }
        for topic, question, answer, wrong, explanation in _ITEMS
    ]
    return shuffled("science", rows)


_TEXT = """
# Science questions for the classroom

## Dataset summary

Thirty questions on physics, chemistry, biology and the Earth, at the level of lower secondary
school. Each has four choices, the right answer and one sentence that explains it.

## Data fields

- `question`, `choices`, `answer`: the item as a pupil sees it, and its solution
- `topic`: the school subject
- `explanation`: why the answer is right
"""

DATASET = SampleDataset(
    id="openlantern/science-questions",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Science questions with four choices.",
            {
                "question": STRING,
                "choices": STRINGS,
                "answer": STRING,
                "topic": classes(*_TOPICS),
                "explanation": STRING,
            },
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-06T08:00:00Z",
            "Add questions, choices and explanations",
            Front(
                "Science questions",
                ("en",),
                ("mit",),
                ("multiple-choice", "question-answering"),
            ),
            _TEXT,
        ),
    ),
    downloads=9400,
    likes=112,
)

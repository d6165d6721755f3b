"""Letters in a good and a poor wording: a prompt, the answer preferred and the one rejected."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
)

_LETTERS: tuple[tuple[str, str, str], ...] = (
    (
        "Ask the landlord to mend a dripping tap.",
        "The kitchen tap has been dripping since Monday. Could you please send somebody to mend "
        "it this week? I am at home every afternoon from three.",
        "The tap drips. It always drips. I have told everybody. Do your job for once.",
    ),
    (
        "Tell a neighbour that the party on Saturday may be loud.",
        "We celebrate a birthday on Saturday and expect it to be lively until midnight. If it "
        "becomes too loud for you, please ring our bell or simply join us.",
        "Party on Saturday, so buy earplugs.",
    ),
    (
        "Decline an invitation to dinner.",
        "Thank you very much for the invitation. I am away that evening and sorry to miss it; I "
        "would love to come another time.",
        "No, I cannot come, and I would rather not say why, though there are several reasons.",
    ),
    (
        "Apologise to a customer for a parcel that came late.",
        "We are sorry that your parcel arrived four days late. The fault was ours: it lay in the "
        "wrong depot. We have refunded the postage.",
        "Parcels are late sometimes. Please be patient in future.",
    ),
    (
        "Thank a colleague who took over your shift.",
        "Thank you for taking my shift on Tuesday. You made it possible for me to be at my "
        "daughter's concert. I gladly take one of yours in return.",
        "You did my shift. Noted.",
    ),
    (
        "Remind a friend of twenty crowns that you lent.",
        "May I remind you of the twenty crowns from the market? There is no hurry; the end of the "
        "month is fine.",
        "Where is my money? I should never have lent it to you of all people.",
    ),
    (
        "Ask a teacher for a talk about your child's reading.",
        "Our son still finds reading hard, and we would like to help him at home. Could we meet "
        "for a quarter of an hour next week to hear what you advise?",
        "Our son cannot read. What exactly do you do all day?",
    ),
    (
        "Cancel a subscription to a magazine.",
        "Please cancel my subscription to your magazine at the next possible date and confirm "
        "that date in writing.",
        "I do not want it any more, perhaps, unless it gets better, so stop it or ask me again.",
    ),
    (
        "Recommend a former employee.",
        "She ran our stockroom for three years, always on time and with great care. Errors in "
        "the stock fell by half under her. I would employ her again at once.",
        "She was there for three years and nothing burnt down, as far as I remember.",
    ),
    (
        "Invite the members of a choir to an extra rehearsal.",
        "Before the concert we meet for one more rehearsal: Thursday at seven, in the hall. "
        "Please bring the second folder, and tell me by Tuesday if you cannot come.",
        "There is a rehearsal some time this week. Be there.",
    ),
    (
        "Report a broken street lamp to the town.",
        "The street lamp in front of number 14, Mill Lane, has been dark for a week. The corner "
        "is hard to see for cyclists. Could you please have it repaired?",
        "It is dark in our street, and nobody cares as usual.",
    ),
    (
        "Ask a guest to tell you what he does not eat.",
        "We look forward to your visit on Friday. Is there anything that you do not eat or do "
        "not tolerate? Then I will cook accordingly.",
        "I hope you are not one of those guests who never eat what they are given.",
    ),
)

_ROWS: list[Row] = [
    {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    for prompt, chosen, rejected in _LETTERS
]

_TEXT = """
# Letter preferences

## Dataset summary

Twelve short letters of everyday life, each in two wordings, for training with preferences. The
chosen wording is polite, clear and complete; the rejected one is rude, vague or leaves out what
the reader has to know. Do not train on the rejected wording as if it were an answer.

## Data fields

- `prompt`: what the letter is for
- `chosen`: the better letter
- `rejected`: the worse letter
"""

DATASET = SampleDataset(
    id="inkwell/letter-preferences",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Letters in a good and a poor wording.",
            {"prompt": STRING, "chosen": STRING, "rejected": STRING},
            {"train": _ROWS},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T19:10:00Z",
            "Add letter preferences",
            Front("Letter preferences", ("en",), ("cc-by-4.0",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=290,
    likes=15,
)

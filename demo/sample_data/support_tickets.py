"""Messages to a shop's support desk, in two configs."""

from typing import Any

from demo.sample_data.model import (
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

_PRIORITIES = ("low", "normal", "urgent")
_PRODUCTS = ("desk lamp", "rain jacket", "bicycle pump", "tea set", "wool blanket", "camping stove")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

# intent: (priority, messages, replies); a message and its reply speak of the same product and day.
_BILLING: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "double charge": (
        "urgent",
        (
            "My card was charged twice for the {product} that I ordered on {day}.",
            "I see two payments for one {product} on my statement, both from {day}. Please help.",
            "You took the money for the {product} two times on {day}, and my rent is due.",
        ),
        (
            "I am sorry about the second charge for the {product}. It is being returned today and "
            "should reach your account within three working days.",
            "Thank you for telling us. The second payment from {day} was our mistake, and I have "
            "refunded it just now.",
        ),
    ),
    "invoice request": (
        "low",
        (
            "Could you send me an invoice for the {product}? My employer needs it by {day}.",
            "I need a receipt with our company's address for the {product} that came on {day}.",
            "Where can I download the invoice for my {product}? I have looked since {day}.",
        ),
        (
            "Of course. The invoice for the {product} is attached as a PDF.",
            "I have sent the invoice to the address on your account. You also find it under "
            "'My orders'.",
        ),
    ),
    "voucher problem": (
        "normal",
        (
            "The voucher that I got on {day} is refused when I try to buy the {product}.",
            "My ten percent code did not work for the {product}, although it is valid until {day}.",
            "I forgot to enter my voucher when I bought the {product} on {day}. Can you add it?",
        ),
        (
            "The code had not been switched on. Please try again, it works for the {product} now.",
            "I have taken the value of the voucher off your order, and the difference comes back "
            "to your card.",
        ),
    ),
}
_DELIVERY: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "late parcel": (
        "normal",
        (
            "The {product} was promised for {day} and it is still not here.",
            "Tracking has said 'out for delivery' since {day}. When does my {product} arrive?",
            "I stayed at home all {day} for the {product} and nobody rang.",
        ),
        (
            "I am sorry for the wait. The parcel with your {product} was missorted and is coming "
            "on the next van.",
            "I have asked the carrier to look for the {product}. If it has not arrived in two "
            "days, we will send a new one.",
        ),
    ),
    "damaged item": (
        "urgent",
        (
            "The {product} arrived on {day} with a crack right across it.",
            "I opened the box on {day} and found the {product} in pieces.",
            "One part of the {product} is bent, so I cannot use it. It came on {day}.",
        ),
        (
            "That should not have happened. A new {product} leaves our warehouse today, and you "
            "can keep or recycle the broken one.",
            "Thank you for the clear description. Would you like a new {product} or your money "
            "back?",
        ),
    ),
    "address change": (
        "normal",
        (
            "I am moving on {day}. Please send the {product} to my new address instead.",
            "I typed the wrong house number for the {product} that I ordered on {day}.",
            "Can the {product} go to my neighbour on {day}? I will be away.",
        ),
        (
            "That is no problem. I have changed the address for the {product}, and you will get a "
            "new confirmation.",
            "The parcel has already left, but the carrier can redirect it. Please use the link in "
            "your tracking e-mail before {day}.",
        ),
    ),
}


def _tickets(kind: dict[str, Any], count: int) -> list[Row]:
    """The same number of tickets for each intent, mixed."""
    rows = []
    for number, (intent, (priority, messages, replies)) in enumerate(kind.items()):
        for message, product, day in mixed(intent, messages, _PRODUCTS, _DAYS)[:count]:
            reply = pick(f"{message} {product} {day}", replies)
            rows.append(
                {
                    "message": message.format(product=product, day=day),
                    "intent": number,
                    "priority": _PRIORITIES.index(priority),
                    "reply": reply.format(product=product, day=day),
                }
            )
    return shuffled("tickets", rows)


def _config(name: str, description: str, kind: dict[str, Any]) -> Config:
    features = {
        "message": STRING,
        "intent": classes(*kind),
        "priority": classes(*_PRIORITIES),
        "reply": STRING,
    }
    rows = _tickets(kind, 14)
    return Config(name, description, features, {"train": rows[:36], "validation": rows[36:]})


_TEXT = """
# Support tickets of a small web shop

## Dataset summary

Messages that customers might send to the support desk of a shop for household and outdoor goods,
with the intent, the priority and the reply of the desk. The config `billing` is about payments,
invoices and vouchers; `delivery` is about parcels.

## Data fields

- `message`: what the customer writes
- `intent`: what the customer wants
- `priority`: low, normal or urgent
- `reply`: the answer of the desk

The shop, its customers and their troubles are invented.
"""

DATASET = SampleDataset(
    id="harbourline/support-tickets",
    licence_class="permissive",
    configs=(
        _config("billing", "Messages about payments, invoices and vouchers.", _BILLING),
        _config("delivery", "Messages about parcels on their way.", _DELIVERY),
    ),
    revisions=(
        Revision(
            "2026-10-05T09:30:00Z",
            "First release",
            Front(
                "Support tickets",
                ("en",),
                ("apache-2.0",),
                ("text-classification", "text-generation"),
            ),
            _TEXT,
        ),
    ),
    downloads=5210,
    likes=61,
)

"""The models in use: what they cost, when they end, and what was learnt of their servers."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.llm.lifecycle import ModelEnd, load_lifecycle
from dynosaur_etl.llm.prices import PriceTable
from dynosaur_etl.llm.providers import provider_of
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.forms import LearntModel, learnt_models


@dataclass(frozen=True)
class ModelOfNote:
    """A model in use, with its price, its end and the form that its server takes.

    Attributes:
        provider: its id, or the server's own host.
        price: where it is from; None where it is unknown.
        ends_on: None, like `days_left` and `successor`, where no end is known.
        warning: what to do about its end; empty where that is far.
        form: in words; None where the server was not asked yet.
        refusals: the server's own words.
    """

    model: str
    provider: str
    server: str
    price: str | None
    ends_on: date | None
    days_left: int | None
    successor: str | None
    warning: str
    form: str | None
    refusals: tuple[str, ...]


def models_in_use(settings: Settings) -> list[str]:
    """Return the models that the settings name, each once: to propose, to check and to judge."""
    named = (settings.llm_model, settings.critic, settings.judge_model)
    return list(dict.fromkeys(name for name in named if name))


def models_of_note(services: Services, now: datetime | None = None) -> list[ModelOfNote]:
    """Return the models in use, with what there is to know of each."""
    today = (now or datetime.now(UTC)).date()
    server = services.settings.openai_base_url
    learnt = learnt_models(services.engine)
    known = {found.model: found for found in learnt if found.server == server}
    return [
        _described(model, services, known.get(model), today)
        for model in models_in_use(services.settings)
    ]


def model_warnings(services: Services, now: datetime | None = None) -> list[str]:
    """Return a sentence for each model in use that ends within 60 days, or has ended."""
    return [found.warning for found in models_of_note(services, now) if found.warning]


def end_words(end: ModelEnd, server: str, prices: PriceTable, today: date) -> str:
    """Word the end of a model, and name what to use in its place."""
    left = end.days_left(today)
    when = f"ends in {left} days, on {end.ends_on}" if left >= 0 else f"has ended on {end.ends_on}"
    following = end.successor or load_lifecycle().cheapest(server, prices, today)
    words = f"{end.model} {when} (by {end.source})"
    if following is None:
        return f"{words}; its provider names no successor"
    kind = "successor" if end.successor else "cheapest current model with a schema"
    return f"{words}; {kind}: {following}; `dynosaur llm trial --model {following}` compares them"


def learnt_words(found: LearntModel) -> str:
    """Word the form that a server takes for a model."""
    form = found.known.form
    parts = [
        form.limit,
        "temperature" if form.temperature else "no temperature",
        f"effort of {', '.join(form.efforts)}" if form.efforts else "effort",
        str(form.answer_format),
        *([] if form.strict else ["not strict"]),
        *(["thinks unasked"] if form.thinks else []),
    ]
    if not form.effort:
        parts[2] = "no effort"
    since = "never asked" if found.learnt_at is None else f"since {found.learnt_at:%Y-%m-%d}"
    return f"{found.model} at {redact(found.server)}: {', '.join(parts)} ({since})"


def _described(
    model: str, services: Services, known: LearntModel | None, today: date
) -> ModelOfNote:
    server = services.settings.openai_base_url
    end = load_lifecycle().end(server, model, known.ends_on if known else None)
    near = end is not None and end.is_near(today)
    origin = services.prices.origin(model)
    return ModelOfNote(
        model=model,
        provider=provider_of(server),
        server=server,
        price=None if origin is None else f"{origin.source} {origin.version}",
        ends_on=None if end is None else end.ends_on,
        days_left=None if end is None else end.days_left(today),
        successor=None if end is None else end.successor,
        warning=end_words(end, server, services.prices, today) if end and near else "",
        form=None if known is None else learnt_words(known),
        refusals=() if known is None else tuple(known.refusals),
    )

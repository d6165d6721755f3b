"""The configs that a day's examination kept, which both proposing and filling go through."""

from dataclasses import dataclass

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Config
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.forms.form import FoundForm, found_of
from dynosaur_etl.store.facts.kept_configs import kept_configs_of


@dataclass(frozen=True)
class ConfigToAsk:
    """A kept config with what its card says, and where its sampled rows are.

    Attributes:
        languages: that the card names, with what it says of several.
        form: of an instruction set; None where it is none.
    """

    config: Config
    summary: str
    licence: str
    sample_path: str
    languages: tuple[str, ...] = ()
    form: FoundForm | None = None


def kept_configs(day: GrowthDay, services: Services) -> list[ConfigToAsk]:
    """Return the day's kept configs, by dataset and name."""
    return [
        ConfigToAsk(
            config=kept.config,
            summary=kept.summary,
            licence=", ".join(kept.licences),
            sample_path=kept.sample_path,
            languages=kept.languages,
            form=None if kept.form is None else found_of(kept.form),
        )
        for kept in kept_configs_of(services.engine, str(day))
    ]

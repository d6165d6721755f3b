"""The scorers that the settings name."""

import re
from collections.abc import Callable, Sequence

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.choices import ScorerName
from dynosaur_etl.domain.errors import InvalidSetting, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.runtime.asking import ask
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.quality.causal import CausalModel, Difficulty, Perplexity
from dynosaur_etl.quality.heuristics import Heuristics
from dynosaur_etl.quality.judge import Judge
from dynosaur_etl.quality.length import Length
from dynosaur_etl.quality.reward import RewardModel
from dynosaur_etl.quality.scorer import Scorer
from dynosaur_etl.quality.tags import Tagger

SCORE_FILES = "scores"


def scorers(services: Services, day: str) -> list[Scorer]:
    """Make the scorers that run, in the order of the setting; models are loaded on first use.

    Raises:
        InvalidSetting: the scorer of the selection is not among them.
    """
    settings = services.settings
    if settings.quality_scorer not in settings.scorers:
        raise InvalidSetting(
            not_allowed("DYNOSAUR_QUALITY_SCORER", str(settings.quality_scorer), settings.scorers)
        )
    return [make_scorer(name, services, day) for name in dict.fromkeys(settings.scorers)]


def make_scorer(name: str, services: Services, day: str) -> Scorer:
    """Make one scorer; `day` is the growth day whose run pays."""
    settings = services.settings
    model = settings.judge_model or settings.llm_model

    def asked(requests: Sequence[ChatRequest]) -> Outcomes:
        return ask(requests, day, services)

    makers: dict[str, Callable[[], Scorer]] = {
        ScorerName.HEURISTICS: lambda: Heuristics(settings.languages),
        ScorerName.JUDGE: lambda: Judge(asked, model, settings.judge_dimension),
        ScorerName.REWARD: lambda: RewardModel(
            settings.reward_model, device=settings.reward_device
        ),
        ScorerName.PERPLEXITY: lambda: Perplexity(CausalModel(settings.causal_model)),
        ScorerName.IFD: lambda: Difficulty(CausalModel(settings.causal_model)),
        ScorerName.DEITA_COMPLEXITY: lambda: Judge(asked, model, "complexity"),
        ScorerName.DEITA_QUALITY: lambda: Judge(asked, model, "quality"),
        ScorerName.TAGS: lambda: Tagger(asked, model),
        ScorerName.LENGTH: Length,
    }
    return makers[name]()


def chosen_scorer(services: Services) -> Scorer:
    """Make the scorer whose scores the selection reads; it is asked for its name only."""
    return make_scorer(services.settings.quality_scorer, services, "")


def score_kind(scorer: Scorer) -> str:
    """Name the files of a scorer's scores; another version has another name."""
    return versioned_kind(SCORE_FILES, scorer.name, scorer.version)


def versioned_kind(files: str, name: str, *version: str) -> str:
    """Name files by what made them, in letters that are safe in a path."""
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", name.rpartition("/")[2])[:60]
    return f"{files}/{safe}-{digest(*version)[:12]}"

"""The scorers that the settings name."""

import re
from collections.abc import Callable, Sequence

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.choices import ScorerName
from dynosaur_etl.domain.errors import InvalidSetting, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.runtime.asking import ask
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.llm.outcomes import Deferral, Outcomes
from dynosaur_etl.quality.causal import Difficulty, Perplexity
from dynosaur_etl.quality.heuristics import Heuristics
from dynosaur_etl.quality.judge import Judge
from dynosaur_etl.quality.length import Length
from dynosaur_etl.quality.scorer import Scorer
from dynosaur_etl.quality.tags import Tagger
from dynosaur_etl.store.kinds import FileKind

Waiting = dict[str, Deferral]


def scorers(services: Services, day: str, waiting: Waiting | None = None) -> list[Scorer]:
    """Make the scorers that run, in the order of the setting; models are loaded on first use.

    Args:
        services: the process's services.
        day: the growth day whose run pays.
        waiting: is told why each request that is deferred is, by its key.

    Raises:
        InvalidSetting: the scorer of the selection is not among them.
    """
    settings = services.settings
    if settings.quality_scorer not in settings.scorers:
        raise InvalidSetting(
            not_allowed("DYNOSAUR_QUALITY_SCORER", str(settings.quality_scorer), settings.scorers)
        )
    return [make_scorer(name, services, day, waiting) for name in dict.fromkeys(settings.scorers)]


def make_scorer(name: str, services: Services, day: str, waiting: Waiting | None = None) -> Scorer:
    """Make one scorer; see `scorers`."""
    settings = services.settings
    model = settings.judge_model or settings.llm_model

    def asked(requests: Sequence[ChatRequest]) -> Outcomes:
        outcomes = ask(requests, day, services)
        if waiting is not None:
            waiting.update(outcomes.deferred)
        return outcomes

    makers: dict[str, Callable[[], Scorer]] = {
        ScorerName.HEURISTICS: lambda: Heuristics(settings.languages),
        ScorerName.JUDGE: lambda: Judge(asked, model, settings.judge_dimension),
        ScorerName.REWARD: lambda: services.reward_model,
        ScorerName.PERPLEXITY: lambda: Perplexity(services.causal_model),
        ScorerName.IFD: lambda: Difficulty(services.causal_model),
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
    return versioned_kind(FileKind.SCORES, scorer.name, scorer.version)


def versioned_kind(files: str, name: str, *version: str) -> str:
    """Name files by what made them, in letters that are safe in a path."""
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", name.rpartition("/")[2])[:60]
    return f"{files}/{safe}-{digest(*version)[:12]}"

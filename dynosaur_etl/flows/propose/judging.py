"""The day's answers, read config by config; what validate, criticise and ablate share."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from typing import Any

from dynosaur_etl.domain.chat import Answer
from dynosaur_etl.domain.features import usable_fields
from dynosaur_etl.domain.models import Mode, Reject, Strictness, Verdict
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.propose.questions import Question
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.kept_configs import ConfigToAsk
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.instances.organise import RULES
from dynosaur_etl.instances.shown import shown_rows
from dynosaur_etl.proposals.draft import Sample
from dynosaur_etl.proposals.parse import RawProposal, ReadAnswer, read_proposals
from dynosaur_etl.proposals.validity import (
    Judged,
    JudgedProposal,
    ValidityRules,
    judge_proposals,
    texts_of_answers,
)
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.answers import StoredAnswers
from dynosaur_etl.store.steps import CountedReject

_READ_TOGETHER = 32
INSTRUCTION_LANGUAGE = "en"
"""The prompt asks for English instructions, whatever the language of the source."""


@dataclass
class ConfigAnswers:
    """The answers about one config.

    Attributes:
        questions: by mode.
        answers: the proposals of each mode, in the order in which they are judged.
        rejects: answers without a proposal.
        deferred: questions without an answer.
        rescues: broken answers that could be read, by how.
    """

    about: ConfigToAsk
    rows: Sequence[Mapping[str, Any]]
    questions: dict[Mode, Question] = field(default_factory=dict)
    answers: list[tuple[Mode, Sequence[RawProposal]]] = field(default_factory=list)
    rejects: list[CountedReject] = field(default_factory=list)
    deferred: int = 0
    rescues: Counter[str] = field(default_factory=Counter)

    def judge(self, rules: ValidityRules, services: Services) -> Judged:
        """Judge the proposals; only `strict` looks at meanings, and loads a model for it.

        Where nobody foresaw what judging them raises, that is the verdict on all.
        """
        config = self.about.config
        meanings = services.meanings if rules.strictness is Strictness.STRICT else None
        judging = partial(judge_proposals, config, self.rows, self.answers, rules, meanings)
        judged = contained(config.subject, judging)
        if not isinstance(judged, Verdict):
            return judged
        of_modes = ((mode, raw) for mode, proposals in self.answers for raw in proposals)
        return Judged([JudgedProposal(mode, raw, judged) for mode, raw in of_modes])

    def texts_to_compare(self) -> list[str]:
        """Return the texts that judging strictly may compare; none where reading them fails."""
        sample = Sample(self.about.config, self.rows, ())
        found = contained(
            self.about.config.subject, lambda: list(texts_of_answers(sample, self.answers))
        )
        return [] if isinstance(found, Verdict) else found


def validity_rules(settings: Settings) -> ValidityRules:
    """Give the rules of validity that the settings ask for."""
    languages = tuple(sorted({INSTRUCTION_LANGUAGE, *settings.languages}))
    return ValidityRules(settings.validity, languages)


def read_configs(
    asked: Sequence[Question], answers: StoredAnswers, services: Services
) -> Iterator[ConfigAnswers]:
    """Read the answers to the day's questions, one config after the other.

    Where they are judged strictly, the phrases of some configs are embedded together; where that
    fails, judging embeds those of each config.
    """
    of_configs = groupby(asked, key=lambda question: question.about.config.subject)
    groups = (list(group) for _, group in of_configs)
    while some := list(islice(groups, _READ_TOGETHER)):
        found = [_read_config(group, answers, services) for group in some]
        if services.settings.validity is Strictness.STRICT:
            texts = [text for one in found for text in one.texts_to_compare()]
            contained("phrases to compare", partial(services.meanings.prepare, texts))
        yield from found


def _read_config(
    asked: Sequence[Question], answers: StoredAnswers, services: Services
) -> ConfigAnswers:
    about = asked[0].about
    rows = contained(about.config.subject, partial(_rows, about, services))
    unreadable = rows if isinstance(rows, Verdict) else None
    found = ConfigAnswers(about, () if isinstance(rows, Verdict) else rows)
    for question in asked:
        _read_one(question, answers, found, unreadable)
    return found


def _rows(about: ConfigToAsk, services: Services) -> list[dict[str, Any]]:
    columns = [column.name for column in usable_fields(about.config.fields)]
    rows = services.storage.read_table(about.sample_path, columns)
    return shown_rows(about.config, rows, RULES[services.settings.instance_rules])


def _read_one(
    question: Question, answers: StoredAnswers, found: ConfigAnswers, unreadable: Verdict | None
) -> None:
    """Read one answer; where the config's rows are unreadable, it is rejected as they are."""
    key = question.request.key
    found.questions[question.mode] = question
    if key in answers.refused:
        found.rejects.append(_reject(question, Reason.LLM_REFUSAL, answers.refused[key]))
        return
    answer = answers.answered.get(key)
    if answer is None:
        found.deferred += 1
        return
    read = _proposals(question, answer) if unreadable is None else unreadable
    if isinstance(read, Verdict):
        found.rejects.append(_reject(question, Reason.UNFORESEEN_ERROR, read.detail))
        return
    if read.rescue is not None:
        found.rescues[str(read.rescue)] += 1
    if read.reject is not None:
        found.rejects.append(_reject(question, read.reject, read.detail))
    found.answers.append((question.mode, read.proposals))


def _proposals(question: Question, answer: Answer) -> ReadAnswer | Verdict:
    subject = f"{question.about.config.subject}#{question.mode}"
    reading = partial(read_proposals, answer.content, answer.refusal, answer.finish_reason)
    return contained(subject, reading)


def _reject(question: Question, reason: Reason, detail: str) -> CountedReject:
    subject = f"{question.about.config.subject}#{question.mode}"
    return CountedReject(Reject(Stage.VALIDATE, subject, reason, detail))

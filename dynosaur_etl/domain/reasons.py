"""Every reason for which something is left out, with the words that a user reads."""

from collections.abc import Iterable
from enum import StrEnum


class Stage(StrEnum):
    """Where on the way of the data a thing was left out."""

    CANDIDATES = "candidates"
    EXAMINE = "examine"
    CONFIGS = "configs"
    PROPOSE = "propose"
    VALIDATE = "validate"
    FILL = "fill"
    SCORE = "score"
    EMBED = "embed"
    SELECT = "select"


class Reason(StrEnum):
    """Why; the value is the code that is stored, `REASON_WORDS` tells it in a sentence."""

    GATED = "gated"
    PRIVATE = "private"
    DISABLED = "disabled"
    GONE = "gone"
    NO_REVISION = "no_revision"
    UNCHANGED = "unchanged"
    NO_CARD = "no_card"
    CARD_UNREADABLE = "card_unreadable"
    LICENCE_MISSING = "licence_missing"
    LICENCE_NOT_ALLOWED = "licence_not_allowed"
    LICENCE_CONFLICT = "licence_conflict"
    LANGUAGE_NOT_ALLOWED = "language_not_allowed"
    LANGUAGE_UNKNOWN = "language_unknown"
    MULTILINGUAL = "multilingual"
    TRANSLATION = "translation"
    NO_DATA_FILES = "no_data_files"
    TOO_MANY_FILES = "too_many_files"
    NO_USABLE_CONFIG = "no_usable_config"
    CONFIG_MISSING = "config_missing"
    FEATURES_UNREADABLE = "features_unreadable"
    ROWS_UNREADABLE = "rows_unreadable"
    MODALITY = "modality"
    TOO_FEW_FIELDS = "too_few_fields"
    NO_TRAINING_SPLIT = "no_training_split"
    SPLIT_HELD_BACK = "split_held_back"
    NO_ROWS = "no_rows"
    ROW_TOO_LARGE = "row_too_large"
    VALUE_UNREADABLE = "value_unreadable"
    OVER_CONFIG_CAP = "over_config_cap"
    LLM_REFUSAL = "llm_refusal"
    ANSWER_EMPTY = "answer_empty"
    ANSWER_NOT_JSON = "answer_not_json"
    ANSWER_WRONG_SHAPE = "answer_wrong_shape"
    INSTRUCTION_EMPTY = "instruction_empty"
    INSTRUCTION_TOO_SHORT = "instruction_too_short"
    INSTRUCTION_TOO_LONG = "instruction_too_long"
    INSTRUCTION_LANGUAGE = "instruction_language"
    OUTPUT_MISSING = "output_missing"
    OUTPUT_NOT_SINGLE = "output_not_single"
    INPUT_MISSING = "input_missing"
    FIELD_UNKNOWN = "field_unknown"
    INPUT_NOT_USABLE = "input_not_usable"
    FIELD_REPEATED = "field_repeated"
    INPUT_OUTPUT_OVERLAP = "input_output_overlap"
    OUTPUT_NOT_SCALAR = "output_not_scalar"
    OUTPUT_ALL_EMPTY = "output_all_empty"
    OUTPUT_CONSTANT = "output_constant"
    LABELS_UNBALANCED = "labels_unbalanced"
    OUTPUT_COPIED = "output_copied"
    ANSWER_GIVEN_AWAY = "answer_given_away"
    FIELD_NOT_GIVEN = "field_not_given"
    LABEL_LEAKED = "label_leaked"
    OUTPUT_IDENTIFIER = "output_identifier"
    ASKS_FOR_INPUT = "asks_for_input"
    ASKS_FOR_OTHER = "asks_for_other"
    FITS_FEW_ROWS = "fits_few_rows"
    NEEDS_NOT_GIVEN = "needs_not_given"
    OUTPUT_NOT_DERIVABLE = "output_not_derivable"
    DUPLICATE_INSTRUCTION = "duplicate_instruction"
    DUPLICATE_TASK = "duplicate_task"
    TOO_MANY_TASKS = "too_many_tasks"
    CRITIC_SAYS_INVALID = "critic_says_invalid"
    CRITIC_UNREADABLE = "critic_unreadable"
    DUPLICATE_ELSEWHERE = "duplicate_elsewhere"
    OUTPUT_NULL = "output_null"
    OUTPUT_EMPTY = "output_empty"
    OUTPUT_NOT_IN_LABELS = "output_not_in_labels"
    INPUT_NULL = "input_null"
    INPUT_NOT_TEXT = "input_not_text"
    INPUT_EMPTY_LIST = "input_empty_list"
    INPUT_EMPTY = "input_empty"
    OUTPUT_COPIES_INPUT = "output_copies_input"
    IN_EVALUATION = "in_evaluation"
    PERSONAL_DATA = "personal_data"
    DUPLICATE_INSTANCE = "duplicate_instance"
    NEAR_DUPLICATE = "near_duplicate"
    SEMANTIC_DUPLICATE = "semantic_duplicate"
    NO_ANSWER = "no_answer"
    PERSONAL_ATTRIBUTES = "personal_attributes"
    REPEATED_CONFIG = "repeated_config"
    MIRROR = "mirror"
    FORM_BROKEN = "form_broken"
    ROLE_UNKNOWN = "role_unknown"
    CONVERSATION_WITHOUT_ANSWER = "conversation_without_answer"
    CONVERSATION_BROKEN = "conversation_broken"
    PROMPT_EMPTY = "prompt_empty"
    ANSWER_REMOVED = "answer_removed"
    FLAGGED = "flagged"
    SCORE_LOW = "score_low"
    NOT_PREFERRED = "not_preferred"
    REASONING_UNVERIFIED = "reasoning_unverified"
    PARENT_MISSING = "parent_missing"
    SAME_ROW = "same_row"
    WITHDRAWN = "withdrawn"
    NEWEST_REJECTED = "newest_rejected"
    ANSWER_WITHOUT_SCORE = "answer_without_score"
    NOT_SCORED = "not_scored"
    NOT_EMBEDDED = "not_embedded"
    UNFORESEEN_ERROR = "unforeseen_error"


REASON_WORDS: dict[Reason, str] = {
    Reason.GATED: "The repository asks for an agreement before its files are given.",
    Reason.PRIVATE: "The repository is private.",
    Reason.DISABLED: "The Hub has disabled the repository.",
    Reason.GONE: "The repository or its revision no longer exists.",
    Reason.NO_REVISION: "No commit is as old as the end of the growth day.",
    Reason.UNCHANGED: "The day's commits touch neither the card nor any other file.",
    Reason.NO_CARD: "The repository has no card at that revision.",
    Reason.CARD_UNREADABLE: "The card's YAML does not parse, or the card is too large.",
    Reason.LICENCE_MISSING: "The card names no licence, or says that it is unknown.",
    Reason.LICENCE_NOT_ALLOWED: "A licence of the card is not on the allow list.",
    Reason.LICENCE_CONFLICT: "The card's text restricts what its YAML allows.",
    Reason.LANGUAGE_NOT_ALLOWED: (
        "The language of the card, or of the text where the card names none, is not on the allow "
        "list."
    ),
    Reason.LANGUAGE_UNKNOWN: "The card names no language, and the text does not show one.",
    Reason.MULTILINGUAL: "The card names several languages.",
    Reason.TRANSLATION: "Every usable config is a translation between languages.",
    Reason.NO_DATA_FILES: "The repository holds no data file of a readable format.",
    Reason.TOO_MANY_FILES: "The repository holds more files than are listed for one dataset.",
    Reason.NO_USABLE_CONFIG: "No config is left after the filters on configs.",
    Reason.CONFIG_MISSING: "A config that the card declares has no data files.",
    Reason.FEATURES_UNREADABLE: "The features of the config cannot be read.",
    Reason.ROWS_UNREADABLE: "The rows of the config cannot be read.",
    Reason.MODALITY: "The config holds images, audio, video or binary data.",
    Reason.TOO_FEW_FIELDS: "Fewer than two fields can serve a task, or none can be its output.",
    Reason.NO_TRAINING_SPLIT: "All splits of the config are for evaluation, by their names.",
    Reason.SPLIT_HELD_BACK: "A split for evaluation, by its name, is not used for training.",
    Reason.NO_ROWS: "The config has no rows.",
    Reason.ROW_TOO_LARGE: "A cell of the row is larger than is read.",
    Reason.VALUE_UNREADABLE: (
        "A value cannot be written as text, as a time after the year 9999; it counts as null."
    ),
    Reason.OVER_CONFIG_CAP: "The dataset has more configs than are taken from one dataset.",
    Reason.LLM_REFUSAL: "The LLM refused to answer.",
    Reason.ANSWER_EMPTY: "The LLM's answer has no content or no task.",
    Reason.ANSWER_NOT_JSON: "The LLM's answer holds no JSON that can be read.",
    Reason.ANSWER_WRONG_SHAPE: "A proposal is not an object with the three parts of a task.",
    Reason.INSTRUCTION_EMPTY: "The instruction is empty.",
    Reason.INSTRUCTION_TOO_SHORT: "The instruction has fewer than three words.",
    Reason.INSTRUCTION_TOO_LONG: "The instruction is longer than an instruction should be.",
    Reason.INSTRUCTION_LANGUAGE: "The instruction is written in a language that is not allowed.",
    Reason.OUTPUT_MISSING: "The proposal names no output field.",
    Reason.OUTPUT_NOT_SINGLE: "The proposal names more than one output field.",
    Reason.INPUT_MISSING: "The proposal names no input field.",
    Reason.FIELD_UNKNOWN: "A field of the proposal is not a field of the config.",
    Reason.INPUT_NOT_USABLE: "An input field holds structures, media or translations.",
    Reason.FIELD_REPEATED: "The proposal names an input field twice.",
    Reason.INPUT_OUTPUT_OVERLAP: "The output field is also an input field, or a part of one.",
    Reason.OUTPUT_NOT_SCALAR: "The output field holds lists or structures.",
    Reason.OUTPUT_ALL_EMPTY: "The output is null or empty in every sampled row.",
    Reason.OUTPUT_CONSTANT: "The output is the same in every sampled row.",
    Reason.LABELS_UNBALANCED: "Few distinct outputs, and one of them stands in most rows.",
    Reason.OUTPUT_COPIED: "In most sampled rows the output is the text of an input.",
    Reason.ANSWER_GIVEN_AWAY: "The instruction tells the answer.",
    Reason.FIELD_NOT_GIVEN: "The instruction names a field that the task does not receive.",
    Reason.LABEL_LEAKED: "An input field tells the label in every sampled row.",
    Reason.OUTPUT_IDENTIFIER: "The output is a number, code or address that names its row.",
    Reason.ASKS_FOR_INPUT: "The instruction asks for what is given as an input.",
    Reason.ASKS_FOR_OTHER: "The instruction asks for something else than the output.",
    Reason.FITS_FEW_ROWS: "The instruction fits one row, or the rows of one label, only.",
    Reason.NEEDS_NOT_GIVEN: "The instruction needs something that is not among the inputs.",
    Reason.OUTPUT_NOT_DERIVABLE: "Nothing among the inputs tells the output.",
    Reason.DUPLICATE_INSTRUCTION: "The config has a kept task with the same instruction.",
    Reason.DUPLICATE_TASK: "The config has a kept task with the same fields and words.",
    Reason.TOO_MANY_TASKS: "The answer holds more tasks than were asked for.",
    Reason.CRITIC_SAYS_INVALID: "The critic, an LLM, says that the task is not valid.",
    Reason.CRITIC_UNREADABLE: "The critic's answer holds no verdict.",
    Reason.DUPLICATE_ELSEWHERE: (
        "A task of another config or of an earlier day has nearly the same instruction."
    ),
    Reason.OUTPUT_NULL: "The row's output is null.",
    Reason.OUTPUT_EMPTY: "The row's output is empty.",
    Reason.OUTPUT_NOT_IN_LABELS: "The row's output is not in the task's label space.",
    Reason.INPUT_NULL: "An input of the row is null.",
    Reason.INPUT_NOT_TEXT: "An input of the row holds a structure that is no plain text.",
    Reason.INPUT_EMPTY_LIST: "A list or structure among the row's inputs is empty.",
    Reason.INPUT_EMPTY: "Every input of the row is empty.",
    Reason.OUTPUT_COPIES_INPUT: "The row's output is the same text as its input.",
    Reason.IN_EVALUATION: "The row shares a long run of words with a text of an evaluation set.",
    Reason.PERSONAL_DATA: "The row holds an e-mail or IP address, a phone number or a key.",
    Reason.DUPLICATE_INSTANCE: "The same instruction, input and output are there already.",
    Reason.NEAR_DUPLICATE: "An earlier instance has nearly the same input, and the same output.",
    Reason.SEMANTIC_DUPLICATE: "An earlier instance means nearly the same, with the same output.",
    Reason.NO_ANSWER: "The form of the config, as of a web corpus, holds no answer to teach.",
    Reason.PERSONAL_ATTRIBUTES: "The config describes people by personal attributes.",
    Reason.REPEATED_CONFIG: "An earlier config of the dataset has the same rows.",
    Reason.MIRROR: "An older dataset of the Hub has the same rows.",
    Reason.FORM_BROKEN: "The row has not the form that the rows of its config have.",
    Reason.ROLE_UNKNOWN: "A turn of the conversation has a role that is not known.",
    Reason.CONVERSATION_WITHOUT_ANSWER: "No turn of the assistant answers a question.",
    Reason.CONVERSATION_BROKEN: "The turns of the conversation do not follow each other.",
    Reason.PROMPT_EMPTY: "The row asks for nothing.",
    Reason.ANSWER_REMOVED: "The row's answer only says that it was removed.",
    Reason.FLAGGED: "A column says that the row is toxic, moderated, redacted or deleted.",
    Reason.SCORE_LOW: "The row's answer has a low score.",
    Reason.NOT_PREFERRED: "The row's answer is a rejected one, or labelled as not good.",
    Reason.REASONING_UNVERIFIED: "The row's reasoning is not finished, or not verified.",
    Reason.PARENT_MISSING: "The message that the row answers is not among the sampled rows.",
    Reason.SAME_ROW: "The source's same input and output stand there under another instruction.",
    Reason.WITHDRAWN: "The source has been withdrawn since, by an audit of the Hub or by hand.",
    Reason.NEWEST_REJECTED: (
        "The newest revision of the source was rejected, and with it the rows of earlier ones."
    ),
    Reason.ANSWER_WITHOUT_SCORE: "The judge was asked twice and gave no score from 0 to 5.",
    Reason.NOT_SCORED: "The scorer that is chosen for the selection has no score for it.",
    Reason.NOT_EMBEDDED: "The embedding model could make no vector of it.",
    Reason.UNFORESEEN_ERROR: (
        "An error that no rule foresees; the detail names it, and the log has its trace."
    ),
}


def words_of(reason: str | None) -> str:
    """Return a reason's sentence: nothing for what was kept, and an unknown code as it is."""
    if reason is None:
        return ""
    return REASON_WORDS[Reason(reason)] if reason in set(Reason) else reason


class EarlierRows(StrEnum):
    """What a verdict on a newer revision means for rows that were taken from earlier ones."""

    STAY = "stay"
    LEAVE = "leave"
    AS_BEFORE = "as before"


_OURS = frozenset(
    {
        Reason.FEATURES_UNREADABLE, Reason.ROWS_UNREADABLE, Reason.TOO_MANY_FILES,
        Reason.ROW_TOO_LARGE, Reason.OVER_CONFIG_CAP, Reason.UNFORESEEN_ERROR,
    }
)  # fmt: skip
"""Reasons that tell what could not be read here, and nothing of what the owner wants."""


def earlier_rows(reason: Reason | None, of_configs: Iterable[Reason] = ()) -> EarlierRows:
    """Tell what a verdict means for rows of earlier revisions.

    They leave where the owner has changed something: the licence, who may read it, the rows. They
    stay where the newest revision was kept, or only could not be read, its card being in order.

    Args:
        reason: of the verdict; None: kept.
        of_configs: reasons of the configs, where none of them was left.
    """
    if reason is Reason.UNCHANGED:
        return EarlierRows.AS_BEFORE
    reasons = {reason, *of_configs} if reason is Reason.NO_USABLE_CONFIG else {reason}
    return EarlierRows.STAY if reasons & {None, *_OURS} else EarlierRows.LEAVE

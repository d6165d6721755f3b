"""Names of columns, by the role that they have in instruction sets, and those that have none."""

import re

CONVERSATIONS = (
    "messages", "conversations", "conversation", "dialog", "dialogue", "dialogs", "chat", "turns",
    "conversation_history", "chat_history", "history", "trajectory", "trace",
)  # fmt: skip
SYSTEMS = ("system", "system_prompt", "system_message", "sys_prompt")
TOOLS = ("tools", "functions", "available_tools", "function_list")
STRONG_PROMPTS = ("instruction", "prompt", "user_prompt", "instructions")
WEAK_PROMPTS = (
    "question", "query", "problem", "inputs", "input", "request", "user", "human", "user_message",
)  # fmt: skip
STRONG_ANSWERS = ("completion", "response", "output", "chosen", "generated_text", "generation")
WEAK_ANSWERS = (
    "answer", "solution", "targets", "target", "reply", "assistant", "bot", "content", "outputs",
    "assistant_message",
)  # fmt: skip
CHOSEN = (
    "chosen", "accepted", "preferred", "chosen_response", "preferred_response", "chosen_answer",
    "preferred_answer", "better_response", "better", "response_chosen",
)  # fmt: skip
REJECTED = (
    "rejected", "dispreferred", "rejected_response", "dispreferred_response", "rejected_answer",
    "non_preferred", "worse_response", "worse", "response_rejected",
)  # fmt: skip
WINNERS = (
    "winner", "better_response_id", "preference", "preferred", "choice", "chosen_id", "label",
    "human_preference", "better", "preferred_response",
)  # fmt: skip
CONTEXTS = ("input", "context", "inputs")
THOUGHTS = (
    "reasoning_content", "reasoning", "thinking", "thought", "thoughts", "think", "cot",
    "chain_of_thought", "reasoning_trace", "thinking_trajectory", "complex_cot", "rationale",
)  # fmt: skip
GENERATIONS = ("generations", "responses", "solutions", "completions", "samples", "answers")
SCORED_LISTS = ("completions", "responses", "answers", "generations", "candidates", "outputs")
SCORE_LISTS = ("scores", "ratings", "overall_scores", "rewards", "score", "rating", "rank_scores")
SCORED_TEXTS = ("response", "text", "content", "answer", "completion", "output", "generation")
SCORED_SCORES = (
    "overall_score", "score", "rating", "overall_rating", "fine-grained_score", "reward", "quality",
)  # fmt: skip
PREFERENCES = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("response_chosen", "response_rejected"),
    ("chosen_answer", "rejected_answer"),
    ("chosen_output", "rejected_output"),
    ("answer_chosen", "answer_rejected"),
    ("accepted", "rejected"),
    ("preferred", "dispreferred"),
    ("preferred", "rejected"),
    ("preferred_response", "dispreferred_response"),
    ("response_j", "response_k"),
    ("better_response", "worse_response"),
)
"""The columns of the better and the worse answer."""
NO_LABELS = frozenset({"false", "no", "bad", "rejected", "undesirable", "negative", "0", "-1"})
YES_LABELS = frozenset({"true", "yes", "good", "chosen", "accepted", "desirable", "positive", "1"})
SCORE_PAIRS = (
    ("score_chosen", "score_rejected"),
    ("chosen_score", "rejected_score"),
    ("chosen_rating", "rejected_rating"),
    ("chosen-rating", "rejected-rating"),
    ("rating_chosen", "rating_rejected"),
    ("margin_chosen", "margin_rejected"),
)
CHOICE_QUESTIONS = ("question", "question_stem", "prompt", "query", "problem", "stem")
CHOICE_LISTS = ("choices", "options", "candidates", "answer_choices", "endings", "mc_choices")
CHOICE_COLUMNS = (
    ("A", "B", "C", "D", "E"),
    ("a", "b", "c", "d", "e"),
    ("option_a", "option_b", "option_c", "option_d", "option_e"),
    ("opa", "opb", "opc", "opd", "ope"),
    ("option1", "option2", "option3", "option4", "option5"),
    ("choice1", "choice2", "choice3", "choice4", "choice5"),
)
CHOICE_ANSWERS = (
    "answerKey", "answer_key", "answer", "label", "answer_idx", "answer_index", "correct",
    "correct_answer", "correct_option", "gold", "target", "cop", "answer_id", "correct_choice",
)  # fmt: skip
ANCHORS = ("anchor", "query", "question", "sentence1")
POSITIVES = ("positive", "pos", "positive_passages", "positives")
NEGATIVES = ("negative", "neg", "negative_passages", "negatives")
CORPUS_TEXTS = ("text", "content", "code", "raw_content", "body", "document", "markdown", "html")
CRAWL_MARKS = frozenset(
    {
        "url", "dump", "file_path", "warc", "warc_record_id", "language_score", "token_count",
        "hexsha", "blob_id", "max_stars_count", "max_stars_repo_name", "repo_name", "repo", "path",
        "crawl", "timestamp", "date", "license_type", "directory_id", "content_id", "digest",
        "n_tokens", "num_tokens", "token_length", "domain", "source_domain", "size", "ext",
        "quality_score", "edu_score", "int_score", "fasttext_score", "snapshot_id", "length_bytes",
    }
)  # fmt: skip
SURE_CRAWL_MARKS = frozenset(
    {
        "dump", "warc", "warc_record_id", "language_score", "token_count", "hexsha", "blob_id",
        "max_stars_count", "max_stars_repo_name", "crawl", "directory_id", "content_id",
        "license_type", "n_tokens", "num_tokens", "edu_score", "int_score", "length_bytes",
    }
)  # fmt: skip
PEOPLE_MARKS = frozenset(
    {
        "gender", "sex", "age", "age_range", "age_group", "ethnicity", "race", "religion",
        "nationality", "country", "occupation", "education", "income", "marital_status",
        "native_language", "languages", "disability",
    }
)  # fmt: skip
PEOPLE_IDS = frozenset(
    {
        "user_id", "annotator_id", "worker_id", "rater_id", "participant_id", "person_id",
        "speaker_id", "annotator", "worker", "rater", "contributor_id",
    }
)  # fmt: skip
ATTRIBUTES = frozenset(
    {
        "helpfulness", "correctness", "coherence", "complexity", "verbosity", "honesty",
        "truthfulness", "instruction_following", "harmlessness", "instruction_adherence",
    }
)  # fmt: skip

_META = re.compile(
    r"(?:.*_)?(?:id|ids|uuid|guid|hash|md5|sha\d*|url|urls|uri|link|index|idx|key|no|number)"
    r"|(?:.*_)?(?:source|sources|origin|dataset|subset|split|category|categories|subcategory"
    r"|subject|subjects|topic|topics|type|types|kind|domain|domains|field|area|genre|tag|tags|label"
    r"|labels|difficulty|level|grade|language|languages|lang|locale|langcode|code_language"
    r"|language_code|license|licence|licenses|version|date|time|timestamp|created|created_at"
    r"|updated_at|author|authors|creator|user|username|user_name|annotator|worker|model|models"
    r"|model_name|generator|teacher|engine|name|repo|repository|repo_name|path|file|filename"
    r"|file_path|meta|metadata|info|extra|extra_info|annotations|annotation|annotation_type|stats"
    r"|statistics|score|scores|rating|ratings|quality|reward|rank|votes|likes|count|counts|length"
    r"|len|tokens|size|status|state|flag|flags|moderation|style|ability|data_source|reward_model"
    r"|used_in_training|explanation|hint|hints|rationale|quality_explanation|country|hashed_ip"
    r"|skip_prompt_formatting|custom_instruction|chat_template_kwargs|embedding|embeddings|views"
    r"|title|avatar|avatarurl|llama_guard\w*|judge|judgement|verdict|raw_response|raw_prompt"
    r"|raw_responses|text|formatted|concept|concepts|skill|skills|intent|persona|seed|stage)"
    r"|(?:num|n|min|max|avg|mean|is|has|was)_.*|.*_(?:num|count|score|model|id|type|name|at|hash)"
    r"|__.*|unnamed.*|distilabel.*"
)


def first_of(wanted: tuple[str, ...], names: dict[str, str]) -> str | None:
    """Return the first wanted column that is there.

    Args:
        wanted: names in lower case, in the order of choice.
        names: the columns by their names in lower case.
    """
    return next((names[name] for name in wanted if name in names), None)


def is_meta(name: str) -> bool:
    """Return whether a column only says something about its row, by its name."""
    return _META.fullmatch(name.lower().replace("-", "_").replace(" ", "_")) is not None

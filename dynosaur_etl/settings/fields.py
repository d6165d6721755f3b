"""Every setting of the product, with its default and its meaning."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import (
    BaseSettings,
    SettingsConfigDict,
)

from dynosaur_etl.domain.choices import ScorerName, SelectionMethod
from dynosaur_etl.domain.models import PromptPreset, ReasoningUse, Strictness, TurnUse
from dynosaur_etl.domain.redaction import HIDDEN, redact, secrets_in
from dynosaur_etl.domain.request_form import Effort
from dynosaur_etl.domain.setting_values import (
    ClassPath,
    CommaList,
    DatabaseUrl,
    DollarCap,
    HttpUrl,
    JsonObject,
    Licences,
    OptionalHttpUrl,
    Scorers,
)
from dynosaur_etl.domain.training_splits import SplitUse

PACKAGED_MODEL = "packaged:all-MiniLM-L6-v2"
PREFIX = "DYNOSAUR_"
SAME_MODEL, NO_MODEL = "same", "none"


class LlmMode(StrEnum):
    """How requests reach the LLM."""

    LIVE = "live"
    BATCH = "batch"


class Settings(BaseSettings):
    """The settings by name; the environment's name is `DYNOSAUR_` and the name in capitals.

    The four names that the Hub's and OpenAI's own clients read keep those clients' names.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(Path(".dynosaur"), description="folder of all local state")
    database_url: DatabaseUrl = Field(
        "", description="PostgreSQL of the product; empty for the embedded one under the home"
    )
    storage_url: str = Field(
        "", description="folder or fsspec URL of the Parquet files; empty for <home>/store"
    )
    ui_port: int = Field(8080, ge=1, le=65535, description="port of the Airflow UI on this machine")
    secrets_folder: Path = Field(
        Path("/run/secrets"), description="folder of files that hold settings, each named as one"
    )
    airflow_url: OptionalHttpUrl = Field(
        "", description="Airflow's API for `backfill`; empty for the Airflow that `up` has started"
    )
    airflow_user: str = Field("admin", min_length=1, description="user of that Airflow")
    airflow_password: SecretStr = Field(SecretStr(""), description="password of that user")
    airflow_token: SecretStr = Field(
        SecretStr(""), description="a token of that Airflow, in place of user and password"
    )

    hf_endpoint: HttpUrl = Field(
        "https://huggingface.co", validation_alias="HF_ENDPOINT", description="the Hub"
    )
    hf_token: SecretStr = Field(
        SecretStr(""), validation_alias="HF_TOKEN", description="token of the Hub; may be empty"
    )
    viewer_url: HttpUrl = Field(
        "https://datasets-server.huggingface.co", description="the Hub's dataset viewer"
    )
    hub_concurrency: PositiveInt = Field(8, description="requests to the Hub at the same time")
    hub_timeout: PositiveInt = Field(
        30, description="seconds before a request to the Hub is given up"
    )

    licences: Licences = Field(
        (
            "mit", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense",
            "cc0-1.0", "pddl", "odc-by", "odbl", "cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0",
            "cc-by-4.0", "cc-by-sa-2.0", "cc-by-sa-2.5", "cc-by-sa-3.0", "cc-by-sa-4.0", "gfdl",
            "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "c-uda", "gpl-2.0",
            "gpl-3.0", "lgpl-3.0", "agpl-3.0", "ms-pl", "afl-3.0", "artistic-2.0", "ecl-2.0",
            "mpl-2.0", "wtfpl", "zlib",
        ),
        description="licences that a source may have, by the Hub's identifiers",
    )  # fmt: skip
    languages: CommaList = Field(
        ("en",), description="languages that a source may have; others are left out"
    )
    multilingual: bool = Field(
        False, description="take sources of several languages if one of them is allowed"
    )
    datasets_per_owner: PositiveInt = Field(
        1000, description="datasets of one owner that a day takes; a later day takes the rest"
    )
    datasets_per_family: PositiveInt = Field(
        1000, description="datasets whose names begin alike that a day takes, whoever owns them"
    )
    configs_per_dataset: PositiveInt = Field(10, description="configs taken from one dataset")
    sample_rows: PositiveInt = Field(200, description="rows sampled from one config")
    splits: SplitUse = Field(
        SplitUse.TRAIN,
        description="train: splits for evaluation are held back, by their names; all: none is",
    )
    stream_seconds: PositiveInt = Field(
        60, description="seconds before the streaming of one config is given up"
    )

    openai_base_url: HttpUrl = Field(
        "https://api.openai.com/v1",
        validation_alias="OPENAI_BASE_URL",
        description="the LLM server; any that speaks OpenAI's chat completions",
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), validation_alias="OPENAI_API_KEY", description="key of the LLM server"
    )
    llm_model: str = Field("gpt-6-luna", min_length=1, description="model that proposes tasks")
    llm_effort: Effort = Field(
        Effort.NONE, description="how much the model that proposes may think, where it can"
    )
    llm_concurrency: PositiveInt = Field(32, description="requests to the LLM at the same time")
    llm_timeout: PositiveInt = Field(60, description="seconds before a request is given up")
    llm_attempts: PositiveInt = Field(5, description="tries of one request within a run")
    llm_batch_calls: int = Field(
        100,
        ge=1,
        le=200,
        description="requests of one mapped task; more where there would be over 100 of these",
    )
    llm_mode: LlmMode = Field(
        LlmMode.LIVE, description="live: one answer a request; batch: the Batch API at half price"
    )
    llm_shard_lines: int = Field(
        10_000, ge=1, le=50_000, description="requests of one batch of the Batch API"
    )
    llm_poll_seconds: PositiveInt = Field(
        30, description="seconds between two looks at batches that are on their way"
    )
    llm_batch_hours: PositiveInt = Field(
        30, description="hours after which a batch that has not ended is cancelled"
    )
    llm_batch_grace_minutes: PositiveInt = Field(
        120, description="minutes after which a batch in trouble is closed, its requests lost"
    )
    llm_requests_per_minute: int = Field(
        0, ge=0, description="most requests a minute, of all processes; 0: as the server reports"
    )
    llm_tokens_per_minute: int = Field(
        0, ge=0, description="most tokens a minute, of all processes; 0: as the server reports"
    )
    llm_budget_run_usd: DollarCap = Field(
        Decimal(5), description="most that one day's run may spend, or `unlimited`"
    )
    llm_budget_month_usd: DollarCap = Field(
        Decimal(50), description="most that is spent in a calendar month, or `unlimited`"
    )
    llm_prices: Path | None = Field(
        None, description="TOML file of prices that lies over the packaged ones"
    )

    prompt: PromptPreset = Field(
        PromptPreset.TIGHT, description="wording of the request for tasks: tight or paper"
    )
    validity: Strictness = Field(
        Strictness.STRICT, description="what is asked of a proposal: lenient, paper or strict"
    )
    critic_model: str = Field(
        SAME_MODEL,
        min_length=1,
        description="model that checks the tasks that passed the filters: `same` as the one that "
        "proposes, `none`, or its name",
    )

    instances_per_task: PositiveInt = Field(100, description="rows that fill one task")
    native_turns: TurnUse = Field(
        TurnUse.CONVERSATION,
        description="instances of an instruction set: one a conversation, or one an answering turn",
    )
    native_reasoning: ReasoningUse = Field(
        ReasoningUse.APART,
        description="thoughts in instruction sets: apart from answers, inline before them, or drop",
    )
    native_share: float = Field(
        0.5, ge=0, le=1, description="part of a version that instances of instruction sets may be"
    )
    instance_rules: Literal["default", "paper"] = Field(
        "default", description="rules by which rows become instances"
    )
    fill_batch_tasks: PositiveInt = Field(
        100,
        description="tasks that one mapped task fills; more where there would be over 100 of these",
    )
    near_duplicates: float = Field(
        0.9, ge=0, le=1, description="similarity of two inputs that makes them one; 0 for never"
    )
    semantic_duplicates: float = Field(
        0, ge=0, le=1, description="cosine of two embeddings that makes them one; 0 for never"
    )
    instructions_per_row: NonNegativeInt = Field(
        1,
        description="instructions under which one input and output of a dataset may stand in a "
        "version; 0 for any number",
    )
    evaluation_texts: str = Field(
        "", description="folder of evaluation texts that no instance may share words with"
    )
    evaluation_words: int = Field(
        13, ge=3, le=100, description="words in a row that an instance may not share"
    )
    pii: Literal["off", "flag", "mask", "drop"] = Field(
        "flag", description="what becomes of instances with personal data or keys"
    )
    embedding_model: str = Field(
        PACKAGED_MODEL,
        min_length=1,
        description="sentence-transformers model: Hub id, path or packaged:NAME",
    )
    embedded_text: Literal["instruction", "instruction and input"] = Field(
        "instruction and input", description="what is embedded of an instance"
    )
    embedding_precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="in which the embedding model multiplies; auto is the CPU's faster one"
    )
    scorers: Scorers = Field(
        (ScorerName.HEURISTICS,), description="scorers that run, of those in docs/quality.md"
    )
    quality_scorer: ScorerName = Field(
        ScorerName.HEURISTICS,
        description="scorer whose scores the selection reads; one of those that run",
    )
    quality_scale: Literal["rank", "min-max", "z"] = Field(
        "rank", description="how the selection scales scores before it weighs them"
    )
    judge_model: str = Field("", description="LLM that judges; empty for the one that proposes")
    judge_dimension: Literal["accuracy", "helpfulness"] = Field(
        "accuracy", description="what the judge rates"
    )
    reward_model: str = Field(
        "OpenAssistant/reward-model-deberta-v3-large-v2",
        min_length=1,
        description="reward model: Hub id or path of a sequence classifier with one output",
    )
    reward_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the reward model runs; auto is a GPU where there is one"
    )
    causal_model: str = Field(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        min_length=1,
        description="causal language model of perplexity and IFD: Hub id or path",
    )
    selection_size: PositiveInt = Field(1000, description="instances of a snapshot")
    selection_alpha: float = Field(
        0.7, ge=0, le=1, description="weight of quality against diversity in QDIT"
    )
    selection_method: SelectionMethod = Field(
        SelectionMethod.QDIT,
        description="how instances are selected; all but `qdit` are to compare with",
    )
    selection_target: str = Field(
        "", description="file or folder of instructions that the selection is for; empty: none"
    )
    selection_mode: Literal["auto", "exact", "near-exact", "graph", "partitioned"] = Field(
        "auto", description="how QDIT is computed; `auto` takes the most exact way that fits"
    )
    selection_memory_gib: PositiveFloat = Field(
        8, description="memory that a selection may take; `auto` goes by it"
    )
    selection_cores: PositiveInt = Field(
        2, description="CPU cores that `auto` reckons with, on whatever machine it runs"
    )
    selection_part_points: PositiveInt = Field(
        100_000, description="most instances of a part in the mode `partitioned`"
    )
    selection_growth: Literal["fresh", "stable"] = Field(
        "fresh",
        description="`fresh` selects anew; `stable` keeps the last version's picks and adds",
    )
    held_out_share: float = Field(
        0, ge=0, le=0.5, description="part of all sources that is held out as the split `test`"
    )
    held_out_task_share: float = Field(
        0, ge=0, le=0.5, description="part of the other sources' tasks that is held out as well"
    )
    snapshot_full: bool = Field(
        False, description="whether a snapshot holds the whole pool as the config `full`"
    )
    snapshot_messages: bool = Field(
        False, description="whether rows hold the chat form `messages` as well"
    )
    publish_repo: str = Field(
        "",
        pattern=r"^([\w.-]+/[\w.-]+)?$",
        description="dataset of the Hub, owner/name; empty: none",
    )
    publish_private: bool = Field(
        True, description="whether a dataset that publishing creates is private"
    )
    publish_url: str = Field(
        "", description="folder or fsspec URL that versions are published to; empty: none"
    )
    approval_hours: NonNegativeInt = Field(
        0, description="hours that a person has to approve what is published; 0: nobody is asked"
    )
    training_model: str = Field(
        "",
        description="model that versions are tried on: Hub id, path or packaged:NAME; empty: none",
    )
    training_preset: str = Field(
        "small", description="hyperparameters of the trial: dynosaur, qdit, small, smol"
    )
    training_seeds: int = Field(3, ge=1, le=100, description="seeds of the trial")
    training_evaluation: str = Field(
        "held-out",
        min_length=1,
        description="fixed set of the trial: held-out, a folder, or packaged:NAME",
    )
    training_margin: float = Field(
        0.02, ge=0, description="nats a token by which a version may be worse than the last one"
    )
    publish_gate: bool = Field(
        False, description="whether a version is published only once its trial has passed"
    )
    seed: int = Field(0, ge=0, description="seed of every sample")

    most_deferred: float = Field(
        0.2, ge=0, le=1, description="share without an answer above which a run fails"
    )
    deadline_hours: PositiveInt = Field(
        24, description="hours after which a day that is not done is told of"
    )
    alert_notifier: ClassPath = Field(
        "", description="class of the Airflow notifier that tells of failures; empty: the log"
    )
    alert_arguments: JsonObject = Field(
        "{}", description="its arguments as a JSON object; `{message}` stands for the message"
    )

    def __repr_args__(self) -> Any:
        """Show the settings without what lets somebody in."""
        for name, value in super().__repr_args__():
            hidden = name == "alert_arguments"
            yield name, HIDDEN if hidden else redact(value) if isinstance(value, str) else value

    @property
    def critic(self) -> str:
        """The model of the critic, empty where there is none."""
        chosen = {SAME_MODEL: self.llm_model, NO_MODEL: ""}
        return chosen.get(self.critic_model, self.critic_model)

    @property
    def storage(self) -> str:
        """The storage URL in force."""
        return self.storage_url or str(self.home.absolute() / "store")


def secrets_of(settings: Settings) -> list[str]:
    """Return every text of the settings that must be shown nowhere."""
    given = [value for _, value in settings]
    whole = [value.get_secret_value() for value in given if isinstance(value, SecretStr)]
    within = [found for value in given if isinstance(value, str) for found in secrets_in(value)]
    return sorted(filter(None, {*whole, *within}))


def cap(budget: Decimal | str) -> Decimal | None:
    """Return a budget's dollars; None where it is unlimited."""
    return budget if isinstance(budget, Decimal) else None

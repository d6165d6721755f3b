"""The hard cases that the recording's own README lists, and what becomes of each of them.

Every dataset is read at its newest commit from the demonstration Hub, through the real client.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.features import Field, FieldKind, usable_fields
from dynosaur_etl.domain.models import Card, Revision, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.filters import examine_card
from dynosaur_etl.hub.ladder import sample_dataset
from dynosaur_etl.hub.language import detect_language
from dynosaur_etl.hub.rows import ConfigSample, sample_config
from dynosaur_etl.hub.sources import ConfigOutcome, SampleRules
from dynosaur_etl.settings import Settings
from tests.demo.hub_support import serve

pytestmark = pytest.mark.recording

LICENCES = Settings.model_fields["licences"].default
RULES = SampleRules(configs=20, rows=200, seed=0, stream_seconds=20)


@dataclass(frozen=True)
class Examined:
    """A recorded dataset at its newest commit."""

    card: Card
    verdict: Verdict
    outcomes: dict[str, ConfigOutcome]
    read_split: Callable[[str, str], ConfigSample]

    def sample(self, config: str) -> ConfigSample:
        outcome = self.outcomes[config]
        assert outcome.verdict.keep
        assert outcome.source == "repository"
        assert outcome.sample is not None
        return outcome.sample

    def fields(self, config: str) -> dict[str, Field]:
        sample = self.outcomes[config].sample
        assert sample is not None
        return {field.name: field for field in sample.config.fields}

    def longest(self, config: str, field: str) -> int:
        return max(len(text or "") for text in self.sample(config).table[field].to_pylist())


Examine = Callable[[str], Examined]


@pytest.fixture(scope="module")
def examine(recorded_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examine]:
    log = tmp_path_factory.mktemp("hub") / "log.jsonl"
    with serve(recorded_hub, log) as hub:
        client = HubClient(hub.endpoint, None, f"{hub.endpoint}/viewer", timeout=30, concurrency=4)

        @cache
        def examined(name: str) -> Examined:
            dataset = f"legacy-datasets/{name}"
            newest = client.commits(dataset)[0]
            revision = Revision(dataset, newest.sha, newest.date)
            card = parse_card(client.card_bytes(dataset, newest.sha) or b"")
            files = client.files(dataset, newest.sha)
            outcomes = sample_dataset(client, revision, card, files, RULES, is_newest=True)
            verdict = examine_card(card, LICENCES, ("en",))

            def read_split(config: str, split: str) -> ConfigSample:
                path = f"{config}/{split}.parquet"
                [file] = [file for file in client.files(dataset, newest.sha) if file.path == path]
                files = ConfigFiles(config, "parquet", {split: (file,)})
                return sample_config(client, revision, files, RULES.rows, RULES.seed)

            by_name = {outcome.name: outcome for outcome in outcomes}
            return Examined(card, verdict, by_name, read_split)

        yield examined


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("blbooksgenre", Reason.MULTILINGUAL),
        ("disfl_qa", None),
        ("alt", Reason.MULTILINGUAL),
        ("glucose", Reason.LICENCE_CONFLICT),
        ("proto_qa", None),
        ("evidence_infer_treatment", None),
        ("hlgd", None),
        ("selqa", None),
        ("hkcancor", Reason.LANGUAGE_NOT_ALLOWED),
        ("swda", Reason.LICENCE_NOT_ALLOWED),
        ("greek_legal_code", Reason.LANGUAGE_NOT_ALLOWED),
        ("schema_guided_dstc8", None),
        ("glue", None),
        ("gooaq", None),
        ("medmcqa", None),
        ("monash_tsf", Reason.LICENCE_CONFLICT),  # "only for research purpose"
        ("roman_urdu_hate_speech", Reason.LANGUAGE_NOT_ALLOWED),
        ("eu_regulatory_ir", Reason.LICENCE_NOT_ALLOWED),
        ("pg19", None),
        ("mwsc", None),
        ("big_patent", None),
        ("squad", None),
    ],
)
def test_what_the_card_decides(examine: Examine, name: str, reason: Reason | None) -> None:
    assert examine(name).verdict.reason is reason


def test_names_with_spaces_and_a_class_with_an_apostrophe(examine: Examine) -> None:
    fields = examine("blbooksgenre").fields("annotated_raw")
    assert len(fields) == 46
    assert sum(" " in name for name in fields) == 16
    assert {"BL record ID", "Dates associated with name"} <= set(fields)
    assert "Can't tell" in fields["annotator_genre"].labels
    assert sum(field.kind is FieldKind.TIME for field in fields.values()) > 0


def test_many_cells_that_are_empty_stay_empty(examine: Examine) -> None:
    table = examine("blbooksgenre").sample("annotated_raw").table
    cells = [cell for name in table.column_names for cell in table[name].to_pylist()]
    assert sum(cell == "" for cell in cells) == 70
    assert table.num_rows == 5


@pytest.mark.parametrize(
    ("name", "config"), [("blbooksgenre", "annotated_raw"), ("hkcancor", "default")]
)
def test_features_are_those_of_the_rows_where_the_card_says_others(
    examine: Examine, recorded_hub: Path, name: str, config: str
) -> None:
    infos = json.loads((recorded_hub / "datasets" / name / "dataset_infos.json").read_text())
    sample = examine(name).sample(config)
    assert sample.config.features != infos[config]["features"]
    assert [*sample.config.features, "__split__", "__row__"] == sample.table.column_names


def test_the_only_text_fields_have_spaces_in_their_names(examine: Examine) -> None:
    table = examine("disfl_qa").sample("default").table
    assert {"original question", "disfluent question"} <= set(table.column_names)
    assert all(table["disfluent question"].to_pylist())


def test_dots_in_names_beside_a_translation(examine: Examine) -> None:
    alt = examine("alt")
    assert alt.outcomes["alt-parallel"].verdict.reason is Reason.TRANSLATION
    fields = alt.fields("alt-parallel")
    assert fields["SNT.URLID.SNTID"].kind is FieldKind.TEXT
    assert fields["translation"].kind is FieldKind.TRANSLATION
    sample = alt.outcomes["alt-parallel"].sample
    assert sample is not None
    assert sample.table.num_rows == 0  # its features say enough
    assert "SNT.URLID.SNTID" in alt.sample("alt-en").table.column_names


def test_names_that_start_with_a_digit(examine: Examine) -> None:
    glucose = examine("glucose")
    assert len(glucose.fields("glucose")) == 50
    assert glucose.fields("glucose")["1_specificNL"].kind is FieldKind.TEXT
    assert "NonCommercial" in glucose.verdict.detail


def test_hyphens_in_names_and_a_name_that_differs_per_config(examine: Examine) -> None:
    proto_qa = examine("proto_qa")
    assert "answer-clusters" in proto_qa.fields("proto_qa")
    assert proto_qa.outcomes["proto_qa_cs"].verdict.reason is Reason.NO_TRAINING_SPLIT
    assert "answers-cleaned" in proto_qa.read_split("proto_qa_cs", "validation").config.features
    assert proto_qa.fields("proto_qa")["answer-clusters"].kind is FieldKind.NESTED
    assert proto_qa.fields("proto_qa")["normalized-question"].kind is FieldKind.TEXT


def test_nested_names_with_spaces_and_very_long_texts(examine: Examine) -> None:
    treatment = examine("evidence_infer_treatment")
    assert treatment.fields("2.0")["Prompts"].kind is FieldKind.NESTED
    [prompts] = treatment.sample("2.0").table["Prompts"].to_pylist()
    assert "Valid Label" in str(prompts)
    assert treatment.longest("2.0", "Text") == 14_640  # of the training rows
    texts = treatment.read_split("2.0", "validation").table["Text"].to_pylist()
    assert max(map(len, texts)) == 56_255


def test_classes_that_are_named_by_integers(examine: Examine) -> None:
    assert examine("hlgd").fields("default")["timeline_id"].labels == tuple("0123456789")


def test_a_class_whose_name_is_empty(examine: Examine) -> None:
    sample = examine("selqa").sample("answer_selection_analysis")
    classes = sample.config.features["q_types"]["feature"]
    assert classes["names"] == ["what", "why", "when", "who", "where", "how", ""]
    fields = examine("selqa").fields("answer_selection_analysis")
    assert fields["q_types"].kind is FieldKind.NESTED
    assert fields["q_types"] not in usable_fields(fields.values())


def test_classes_that_are_named_by_quotation_marks(examine: Examine) -> None:
    hkcancor = examine("hkcancor")
    names = hkcancor.sample("default").config.features["pos_tags_prf"]["feature"]["names"]
    assert {'"', "'"} <= set(names)
    assert hkcancor.fields("default")["pos_tags_prf"].kind is FieldKind.NESTED
    assert detect_language(hkcancor.sample("default")) == "yue"


def test_two_hundred_classes_of_odd_characters(examine: Examine) -> None:
    swda = examine("swda")
    assert len(swda.fields("default")) == 27
    labels = swda.fields("default")["act_tag"].labels
    assert len(labels) == 217
    assert {character for label in labels for character in label} >= set('^";')
    assert "cc-by-nc-sa-3.0" in swda.verdict.detail


def test_hundreds_of_greek_classes_over_two_rows(examine: Examine) -> None:
    greek = examine("greek_legal_code")
    labels = greek.fields("chapter")["label"].labels
    assert len(labels) == 389
    assert all(label == label.upper() for label in labels)
    assert greek.sample("chapter").table.num_rows == 2
    assert detect_language(greek.sample("chapter")) == "el"


def depth(feature: Any) -> int:
    """Count the lists and structures inside each other."""
    if not isinstance(feature, dict) or feature.get("_type") in {"Value", "ClassLabel"}:
        return 0
    inner = [depth(value) for value in feature.values() if isinstance(value, dict)]
    return 1 + max(inner, default=0)


def test_structures_five_deep(examine: Examine) -> None:
    dialogues = examine("schema_guided_dstc8")
    features = dialogues.sample("dialogues").config.features["turns"]
    assert depth(features) == 8  # five structures, and the lists that hold them
    assert dialogues.fields("dialogues")["turns"].kind is FieldKind.NESTED
    assert [f.name for f in usable_fields(dialogues.fields("dialogues").values())] == [
        "dialogue_id",
        "services",
    ]


def test_configs_without_rows_are_not_there_and_the_others_have_labels(examine: Examine) -> None:
    glue = examine("glue")
    kept = {name for name, outcome in glue.outcomes.items() if outcome.verdict.keep}
    assert kept == {"cola", "mnli", "qnli", "qqp", "rte", "sst2", "wnli"}
    for name in kept:
        table = glue.sample(name).table
        assert set(table["__split__"].to_pylist()) == {"train"}  # hidden labels are in test
        assert min(label for label in table["label"].to_pylist() if label is not None) >= 0


def test_labels_that_are_hidden_are_null(examine: Examine) -> None:
    glue = examine("glue")
    for config, split in (("cola", "test"), ("mnli", "test_matched"), ("wnli", "test")):
        column = glue.read_split(config, split).table["label"]
        assert column.null_count == len(column) > 0


@pytest.mark.parametrize(
    ("name", "config", "field"),
    [
        ("gooaq", "default", "short_answer"),
        ("medmcqa", "default", "topic_name"),
        ("monash_tsf", "weather", "feat_dynamic_real"),
    ],
)
def test_columns_that_are_all_null_stay_columns(
    examine: Examine, name: str, config: str, field: str
) -> None:
    column = examine(name).sample(config).table[field]
    assert column.null_count == len(column) > 0


def test_numbers_alone_show_no_language(examine: Examine) -> None:
    monash = examine("monash_tsf")
    assert detect_language(monash.sample("weather")) is None
    assert monash.sample("weather").oversized == 1  # a series of over 100,000 characters


def test_labels_of_roman_urdu(examine: Examine) -> None:
    labels = examine("roman_urdu_hate_speech").fields("Coarse_Grained")["label"].labels
    assert labels == ("Abusive/Offensive", "Normal")
    column = examine("roman_urdu_hate_speech").read_split("Coarse_Grained", "test").table["label"]
    assert column.null_count == len(column) == 4


@pytest.mark.parametrize(
    ("name", "config", "length"),
    [("eu_regulatory_ir", "uk2eu", 50_000), ("pg19", "default", 70_000)],
)
def test_single_texts_of_book_length(examine: Examine, name: str, config: str, length: int) -> None:
    assert examine(name).longest(config, "text") >= length


def test_a_dataset_without_infos_has_the_features_of_its_rows(
    examine: Examine, recorded_hub: Path
) -> None:
    assert not (recorded_hub / "datasets/pg19/dataset_infos.json").exists()
    assert set(examine("pg19").fields("default")) >= {"short_book_title", "text"}


@pytest.mark.parametrize(
    ("name", "config", "rows"), [("mwsc", "default", 80), ("big_patent", "a", 1)]
)
def test_placeholders_are_rows_like_any_other(
    examine: Examine, name: str, config: str, rows: int
) -> None:
    assert examine(name).sample(config).table.num_rows == rows


def test_a_structure_of_answers_is_usable_but_no_output(examine: Examine) -> None:
    fields = examine("squad").fields("plain_text")
    assert fields["answers"].kind is FieldKind.NESTED
    usable = usable_fields(fields.values())
    assert {field.name for field in usable if field.can_be_output} == {
        "id", "title", "context", "question",
    }  # fmt: skip
    assert [field.name for field in usable if not field.can_be_output] == ["answers"]

"""The language of sampled rows, on texts whose language is known."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.models import Config
from dynosaur_etl.hub.language import detect_language
from dynosaur_etl.hub.rows import ConfigSample

TEXT = {"dtype": "string", "_type": "Value"}
ENGLISH = [
    "The boat left the harbour before the sun was up.",
    "Nobody in the village had seen so many birds.",
    "She asked whether the shop would open on Monday.",
    "It is not clear who wrote the second letter.",
]
GERMAN = [
    "Das Boot verließ den Hafen, bevor die Sonne aufging.",
    "Niemand im Dorf hatte je so viele Vögel gesehen.",
    "Sie fragte, ob der Laden am Montag öffnen würde.",
    "Es ist nicht klar, wer den zweiten Brief schrieb.",
]


def sample(texts: list[Any], **columns: list[Any]) -> ConfigSample:
    features = {"text": TEXT, **{name: {"dtype": "int64", "_type": "Value"} for name in columns}}
    config = Config("owner/name", "a" * 40, "default", features, {})
    return ConfigSample(config, pa.table({"text": texts, **columns}))


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (ENGLISH * 5, "en"),
        (GERMAN * 5, "de"),
        (["Корабль вышел из гавани до восхода солнца."] * 20, "ru"),
        (["日の出前に船は港を出た。誰も見ていなかった。"] * 20, "ja"),
        (ENGLISH[:2] * 5 + GERMAN[:2] * 5, None),
        ((ENGLISH + GERMAN) * 5, None),
        (["yes", "no"], None),
        ([None, ""], None),
        (["12 31 55", "99"] * 50, None),
        (["qzx vbn kjh wrt plm"] * 50, None),
    ],
)
def test_languages(texts: list[str], language: str | None) -> None:
    found = detect_language(sample(texts, n=list(range(len(texts)))))
    assert found == language
    assert found == detect_language(sample(texts, n=list(range(len(texts)))))


def test_no_text_and_no_rows() -> None:
    config = Config("o/n", "a" * 40, "c", {"n": {"dtype": "int64", "_type": "Value"}}, {})
    assert detect_language(ConfigSample(config, pa.table({"n": [1, 2]}))) is None
    assert detect_language(sample([])) is None


@pytest.mark.recording
@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("glue/cola/train", "en"),
        ("disfl_qa/default/train", "en"),
        ("amttl/amttl/train", "zh"),
        ("greek_legal_code/chapter/train", "el"),
    ],
)
def test_recorded_rows(recorded_hub: Any, path: str, language: str) -> None:
    table = pq.read_table(recorded_hub / "datasets" / f"{path}.parquet")
    names = [field.name for field in table.schema if pa.types.is_string(field.type)]
    config = Config("o/n", "a" * 40, "c", dict.fromkeys(names, TEXT), {})
    assert detect_language(ConfigSample(config, table)) in {language, None}

from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import InvalidSetting
from dynosaur_etl.settings import Settings, env_name, load_settings, secrets_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(env_name(field), raising=False)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("DYNOSAUR_DATABASE_URL", "mysql://root@host/db", "postgresql://"),
        ("DYNOSAUR_SELECTION_ALPHA", "1.5", "less than or equal to 1"),
        ("DYNOSAUR_SELECTION_SIZE", "0", "greater than 0"),
        ("DYNOSAUR_SELECTION_METHOD", "migg", "'mig'"),
        ("DYNOSAUR_SCORERS", "heuristics,beauty", "'ifd'"),
        ("DYNOSAUR_SCORERS", " , ", "at least 1"),
        ("DYNOSAUR_LLM_BUDGET_RUN_USD", "NaN", "finite"),
        ("DYNOSAUR_LLM_BUDGET_MONTH_USD", "-1", "0 or more, or unlimited"),
        ("DYNOSAUR_LLM_REQUESTS_PER_MINUTE", "-1", "greater than or equal to 0"),
        ("DYNOSAUR_LLM_BATCH_CALLS", "500", "less than or equal to 200"),
        ("HF_ENDPOINT", "ftp://hub", "http"),
        ("DYNOSAUR_ALERT_NOTIFIER", "mail me", "package.module.Class"),
        ("DYNOSAUR_ALERT_ARGUMENTS", "[1]", "a JSON object"),
        ("DYNOSAUR_ALERT_ARGUMENTS", "{", "a JSON object"),
        ("OPENAI_BASE_URL", "api.openai.com", "http"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=allowed) as caught:
        load_settings()
    assert name in str(caught.value)


def test_the_value_is_told_but_never_that_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNOSAUR_SELECTION_ALPHA", "2.5")
    monkeypatch.setenv("DYNOSAUR_DATABASE_URL", "mysql://me:hunter2@host/db")
    with pytest.raises(InvalidSetting) as caught:
        load_settings()
    assert "'2.5'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show_in_a_printed_settings_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setenv("HF_TOKEN", "hf_hunter2")
    assert "hunter2" not in repr(load_settings())


def test_the_environment_goes_before_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "env"
    file.write_text("DYNOSAUR_SELECTION_SIZE=5\nDYNOSAUR_SEED=7\n")
    monkeypatch.setenv("DYNOSAUR_SELECTION_SIZE", "9")
    settings = load_settings(file)
    assert (settings.selection_size, settings.seed) == (9, 7)


def test_a_settings_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="nowhere"):
        load_settings(tmp_path / "nowhere")


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = dict(line.lstrip("# ").split("=", 1) for line in lines if "=" in line)
    assert listed == {env_name(field): _default(field) for field in Settings.model_fields}


def test_every_setting_is_told_of_in_the_operators_guide() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    missing = [env_name(f) for f in Settings.model_fields if f"`{env_name(f)}`" not in guide]
    assert missing == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DYNOSAUR_LLM_MODLE", "DYNOSAUR_LLM_MODEL"),
        ("DYNOSAUR_LLM_MODELL", "DYNOSAUR_LLM_MODEL"),
        ("DYNOSAUR_SELECTION_SISE", "DYNOSAUR_SELECTION_SIZE"),
        ("DYNOSAUR_BUDGET_RUN_USD", "DYNOSAUR_LLM_BUDGET_RUN_USD"),
        ("DYNOSAUR__HOME", "DYNOSAUR_HOME"),
        ("DINOSAUR_LLM_MODEL", "DYNOSAUR_LLM_MODEL"),
        ("DYNOSAURS_PUBLISH_REPO", "DYNOSAUR_PUBLISH_REPO"),
        ("DYNOSAUR_OPENAI_API_KEY", "OPENAI_API_KEY"),
        ("DYNOSAUR_HF_TOKEN", "HF_TOKEN"),
        ("dynosaur_seeds", "DYNOSAUR_SEED"),
        ("DYNOSAUR_ZZZZ", "DYNOSAUR_"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_misspelt_name_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str, name: str, meant: str
) -> None:
    file = tmp_path / "env"
    file.write_text(f"{name}=sk-secret\n" if place == "file" else "")
    if place == "environment":
        monkeypatch.setenv(name, "sk-secret")
    with pytest.raises(InvalidSetting) as refusal:
        load_settings(file)
    assert f"{name.upper()!r}; allowed: a known name, perhaps" in str(refusal.value)
    assert meant in str(refusal.value)
    assert (str(file) if place == "file" else "the environment") in str(refusal.value)
    assert "sk-secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "name",
    ["DYNOSAUR_IMAGE_TAG", "DINOSAUR_PARK", "HF_HOME", "OPENAI_ORG_ID", "DYNAMO_HOME", "TYRANNO"],
)
def test_names_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    load_settings()


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_a_known_name_is_never_taken_for_a_misspelling(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setenv(env_name(field).lower(), "")
    load_settings()


def _default(field: str) -> str:
    value = Settings.model_fields[field].default
    if isinstance(value, tuple):
        return ",".join(value)
    if value is None:
        return ""
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


def test_an_override_goes_before_the_environment_and_is_held_to_the_same_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("DYNOSAUR_LLM_MODEL", "one")
    found = load_settings(overrides={"llm_model": "two", "openai_api_key": "sk-given"})
    assert (found.llm_model, found.openai_api_key.get_secret_value()) == ("two", "sk-given")
    with pytest.raises(InvalidSetting, match="DYNOSAUR_CONFIGS_PER_DATASET: received 0"):
        load_settings(overrides={"configs_per_dataset": 0})


def test_secrets_are_read_from_files_below_the_environment_and_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "OPENAI_API_KEY").write_text("sk-of-a-file\n")
    (secrets / "hf_token").write_text("hf-of-a-file")
    (secrets / "DYNOSAUR_SEED").write_text("3")
    (secrets / "DYNOSAUR_DATABASE_URL").write_text("postgresql://me:hunter2@host/db\n")
    (secrets / "passwords").write_text('{"admin": "x"}')
    file = tmp_path / "env"
    file.write_text(f"DYNOSAUR_SECRETS_FOLDER={secrets}\nHF_TOKEN=hf-of-env-file\n")
    monkeypatch.setenv("DYNOSAUR_SEED", "4")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    found = load_settings(file)
    assert found.openai_api_key.get_secret_value() == "sk-of-a-file"
    assert found.hf_token.get_secret_value() == "hf-of-env-file"
    assert found.database_url == "postgresql+psycopg://me:hunter2@host/db"
    assert found.seed == 4


def test_a_folder_of_secrets_that_is_missing_or_empty_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setenv("DYNOSAUR_SECRETS_FOLDER", str(tmp_path / "nowhere"))
    assert load_settings().openai_api_key.get_secret_value() == ""
    monkeypatch.setenv("DYNOSAUR_SECRETS_FOLDER", str(tmp_path))
    assert load_settings().openai_api_key.get_secret_value() == ""
    assert not recwarn.list


def test_a_bad_value_of_a_secret_file_is_refused_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "DYNOSAUR_DATABASE_URL").write_text("mysql://me:hunter2@host/db")
    monkeypatch.setenv("DYNOSAUR_SECRETS_FOLDER", str(tmp_path))
    with pytest.raises(InvalidSetting, match="DYNOSAUR_DATABASE_URL") as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)


def test_secrets_within_addresses_are_known_and_not_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "DYNOSAUR_DATABASE_URL": "postgresql://me:hunter-1@host/db",
        "DYNOSAUR_STORAGE_URL": "s3://AKIA:hunter-2%2Fx@bucket/x?secret_key=hunter-3",
        "DYNOSAUR_PUBLISH_URL": "https://hunter-4@host/x",
        "OPENAI_BASE_URL": "https://me:hunter-5@host/v1",
        "OPENAI_API_KEY": "hunter-6",
        "DYNOSAUR_ALERT_ARGUMENTS": '{"password": "hunter-7"}',
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert "hunter" not in repr(settings)
    assert "hunter" not in str(settings)
    assert {*(f"hunter-{n}" for n in (1, 3, 4, 5, 6)), "hunter-2%2Fx", "hunter-2/x"} <= {
        *secrets_of(settings)
    }
    monkeypatch.setenv("DYNOSAUR_ALERT_ARGUMENTS", '{"password": "hunter-7"')
    with pytest.raises(InvalidSetting) as refusal:
        load_settings()
    assert "hunter" not in str(refusal.value)

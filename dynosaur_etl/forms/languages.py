"""The language of a row, where a column names it: codes of two or three letters, or a name."""

from collections.abc import Collection, Mapping
from typing import Any

LANGUAGE_COLUMNS = frozenset(
    {"lang", "language", "language_code", "lang_code", "langcode", "iso_code", "locale"}
)

_NAMES = """
en eng english; de deu ger german deutsch; fr fra fre french; es spa spanish; it ita italian;
pt por portuguese; nl nld dut dutch; pl pol polish; ru rus russian; uk ukr ukrainian;
zh zho chi cmn chinese mandarin; ja jpn japanese; ko kor korean; ar ara arb arabic;
hi hin hindi; bn ben bengali; ur urd urdu; ta tam tamil; te tel telugu; mr mar marathi;
tr tur turkish; fa fas per pes persian farsi; he heb hebrew; el ell gre greek;
sv swe swedish; da dan danish; no nor nob norwegian; fi fin finnish; cs ces cze czech;
sk slk slo slovak; hu hun hungarian; ro ron rum romanian; bg bul bulgarian; hr hrv croatian;
sr srp serbian; sl slv slovenian; lt lit lithuanian; lv lav lvs latvian; et est ekk estonian;
id ind indonesian; ms msa may zsm malay; vi vie vietnamese; th tha thai; sw swa swh swahili;
yo yor yoruba; ha hau hausa; ig ibo igbo; zu zul zulu; am amh amharic; so som somali;
ca cat catalan; eu eus baq basque; gl glg galician; la lat latin; tl fil tgl tagalog filipino
"""
_CODES = {name: names[0] for names in map(str.split, _NAMES.split(";")) for name in names}


def language_code(value: Any) -> str | None:
    """Return the two letters of a language that is named or coded; None for what is none."""
    if not isinstance(value, str) or not value.strip():
        return None
    word = value.strip().lower().replace("_", "-").partition("-")[0]
    return _CODES.get(word, word if len(word) in (2, 3) and word.isalpha() else None)


def other_language(
    row: Mapping[str, Any], columns: Collection[str], allowed: Collection[str]
) -> str | None:
    """Return the language of a row where a column names one that is not allowed."""
    for name in columns:
        code = language_code(row.get(name))
        if code is not None and code not in allowed:
            return code
    return None

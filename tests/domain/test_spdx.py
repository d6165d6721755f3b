"""SPDX spellings and expressions against an allow list, as cards and as SPDX write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.spdx import is_allowed

ALLOWED = ("mit", "gpl-3.0", "odc-by", "apache-2.0", "cc-by-4.0")


@pytest.mark.parametrize(
    "licence",
    [
        "mit",
        "MIT",
        "GPL-3.0-only",
        "gpl-3.0-or-later",
        "GPL-3.0+",
        "ODC-By-1.0",
        "MIT OR Apache-2.0",
        "mit-or-cc-by-nc-4.0",
        "cc-by-nc-4.0-or-mit",
        "mit-and-apache-2.0",
        "gpl-3.0-or-later-and-mit",
        "gpl-3.0-or-later-or-cc-by-nc-4.0",
        "Apache-2.0 WITH LLVM-exception",
        "apache-2.0-with-llvm-exception-or-cc-by-nc-4.0",
        "(MIT OR CC-BY-NC-4.0) AND CC-BY-4.0",
        "cc-by-4.0-and-(mit-or-cc-by-nc-4.0)",
        "cc-by-nc-4.0-and-mit-or-apache-2.0",  # AND binds closer
    ],
)
def test_allowed(licence: str) -> None:
    assert is_allowed(licence, ALLOWED)


@pytest.mark.parametrize(
    "licence",
    [
        "",
        "cc-by-nc-4.0",
        "gpl-2.0-or-later",
        "gpl-2.0-or-laterish",
        "mit-and-cc-by-nc-4.0",
        "mit-or-apache-2.0-and",
        "(mit",
        "mit)",
        "()",
        "mit-or-",
        "-or-mit",
        "mit-with-",
        "mit mit",
        "cc-by-4.0-at",
        "(mit-or-apache-2.0)-and-cc-by-nc-4.0",
        "(" * 100 + "mit",
    ],
)
def test_not_allowed(licence: str) -> None:
    assert not is_allowed(licence, ALLOWED)


def test_the_allow_list_may_be_written_as_spdx_too() -> None:
    assert is_allowed("odbl", ("ODbL-1.0",))
    assert is_allowed("gpl-3.0", ("GPL-3.0-or-later",))
    assert not is_allowed("mit", ())


PARTS = st.sampled_from(["mit", "x", "(", ")", "-and-", "-or-", "-with-", "+", "-or-later", " "])


@given(st.lists(PARTS, max_size=30).map("".join))
def test_no_expression_without_an_allowed_licence_is_allowed(text: str) -> None:
    if is_allowed(text, ("mit",)):
        assert "mit" in text
    assert not is_allowed(text, ())

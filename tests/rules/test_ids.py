"""Identifiers: a prefix, a time-ordered body, one exact shape."""

from __future__ import annotations

import pytest
from hypothesis import given

from idbroker.kernel.errors import new_reference
from idbroker.kernel.ids import is_id, new_id
from tests.support.properties import any_text, repeatable

GOOD = "tnt_0123456789abcdefghjkmnpqrs"


def test_text_order_is_the_order_of_making() -> None:
    made = [new_id("tnt") for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_what_is_made_has_the_shape() -> None:
    for prefix in ("tnt", "dom", "con", "dir", "usr", "grp", "app", "ses", "key", "aud", "evt", "whk", "lnk"):
        made = new_id(prefix)
        assert len(made) == 30
        assert is_id(made, prefix)
        assert not is_id(made, "xyz")


@pytest.mark.parametrize(
    "text",
    [
        "", "tnt", "tnt_", GOOD[:-1], GOOD + "0", GOOD.upper(), GOOD.replace("0", "O", 1), GOOD.replace("b", "i"),
        GOOD.replace("b", "l"), GOOD.replace("b", "u"), GOOD + "\n", "\n" + GOOD, GOOD.replace("tnt", "usr"), f" {GOOD}",
        "tnt-" + GOOD[4:], GOOD[:-1] + "\x00", GOOD[:-1] + "١",
    ],
)  # fmt: skip
def test_other_shapes_are_no_ids(text: str) -> None:
    assert is_id(GOOD, "tnt")
    assert not is_id(text, "tnt")


@repeatable
@given(any_text)
def test_no_text_upsets_it(text: str) -> None:
    assert not is_id(text, "tnt")


def test_references_have_no_look_alikes() -> None:
    for _ in range(200):
        reference = new_reference()
        assert len(reference) == 9
        assert reference[4] == "-"
        assert not set(reference) & set("01OI")

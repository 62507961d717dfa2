"""What identity providers send is read by people, whatever its type."""

from __future__ import annotations

from typing import Any

import pytest

from idbroker.web.pages import in_words


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""), ("", ""), ("alice", "alice"), (True, "yes"), (False, "no"), (7, "7"), ([], ""), (["a", "b"], "a, b"),
        (("a", True, None), "a, yes, "), ({"formatted": "1 Street", "primary": True}, "formatted: 1 Street, primary: yes"),
        ([{"value": "x"}], "value: x"),
    ],
)  # fmt: skip
def test_any_value_has_words(value: Any, told: str) -> None:
    assert in_words(value) == told

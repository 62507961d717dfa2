"""Bearer secrets: full entropy, stored as digests, derived values bound to secret and purpose."""

from __future__ import annotations

import re

from hypothesis import given, strategies

from idbroker.kernel.secrets import derive, digest, matches, new_secret
from tests.support.properties import repeatable

words = strategies.text(alphabet=strategies.characters(codec="utf-8"), max_size=60)


def test_a_secret_has_256_bits_and_is_never_the_same() -> None:
    made = {new_secret() for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in made)


@repeatable
@given(words, words)
def test_only_the_secret_itself_matches(secret: str, other: str) -> None:
    assert matches(secret, digest(secret))
    assert matches(other, digest(secret)) is (secret == other)
    assert not matches(secret, "")
    assert secret == "" or secret not in digest(secret) or len(secret) < 8


@repeatable
@given(words, words, words)
def test_a_derived_value_hangs_on_secret_and_purpose(secret: str, purpose: str, other: str) -> None:
    value = derive(secret, purpose)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", value)
    assert derive(secret, purpose) == value
    if other != purpose:
        assert derive(secret, other) != value

"""PKCE and scope lists against the samples of the RFCs."""

from __future__ import annotations

import pytest

from oidc.provider.primitives import is_challenge, scope_list, scope_text, verifier_matches
from tests.support.provider_world import CHALLENGE, VERIFIER, challenge_of


def test_the_sample_of_rfc_7636():
    assert verifier_matches(VERIFIER, CHALLENGE)
    assert challenge_of(VERIFIER) == CHALLENGE


@pytest.mark.parametrize("verifier", ["", VERIFIER[:-1], VERIFIER + "\n", VERIFIER.swapcase(), "é" * 43, "a" * 129])
def test_what_does_not_match(verifier):
    assert not verifier_matches(verifier, CHALLENGE)


def test_the_form_of_a_challenge():
    assert is_challenge(CHALLENGE)
    assert not is_challenge(CHALLENGE + "\n")
    assert not is_challenge(CHALLENGE + "=")


def test_scopes():
    assert scope_list(None) == scope_list("  ") == ()
    assert scope_list("openid  email openid") == ("openid", "email")
    assert scope_text(("openid", "email")) == "openid email"

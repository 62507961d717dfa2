"""Every forgery is refused with its code, with one of three public sentences, quickly, and the diagnosis survives it."""

from __future__ import annotations

import pytest

from idbroker.federation.contract import ReplyRefused
from saml.checks.order import CHECKS
from saml.faults import FAULTS, PUBLIC_BROKEN, PUBLIC_IDP_ERROR, PUBLIC_REFUSED
from tests.support import saml_forgery_content, saml_forgery_placement
from tests.support.effort import not_for_long
from tests.support.saml_forgery import FORGERIES, Forgery
from tests.support.saml_world import World

MORE = (saml_forgery_content, saml_forgery_placement)
"""Importing them adds their forgeries to the one list."""


def test_the_corpus_is_as_large_as_it_claims() -> None:
    names = [forgery.name for forgery in FORGERIES]
    assert len(names) == len(set(names)) >= 200
    assert all(module.__doc__ for module in MORE)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_refused(forgery: Forgery) -> None:
    world = World()
    encoded = forgery.make(world)
    with not_for_long(), pytest.raises(ReplyRefused) as refused:
        world.complete(encoded)
    refusal = refused.value
    assert refusal.code in forgery.codes
    assert refusal.public in {PUBLIC_REFUSED, PUBLIC_BROKEN, PUBLIC_IDP_ERROR}
    assert refusal.status == FAULTS[refusal.code].status
    assert [finding.outcome for finding in refusal.findings].count("fail") == 1
    assert refusal.findings[-1].outcome == "fail"
    assert refusal.findings[-1].advice


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_explained(forgery: Forgery) -> None:
    world = World()
    reply = world.reply(forgery.make(world))
    findings = world.protocol.explain(world.connection, reply, world.attempt)
    assert [finding.check for finding in findings] == [check.name for check in CHECKS]
    assert any(finding.outcome == "fail" for finding in findings)
    assert not [finding for finding in findings if finding.advice == FAULTS["saml_check_broken"].advice]


def test_every_fault_but_the_last_resort_has_a_forgery_or_a_story() -> None:
    by_options = {
        "saml_response_missing",
        "saml_wrong_address",
        "saml_response_not_signed",
        "saml_assertion_not_encrypted",
        "saml_authentication_too_old",
        "saml_authn_context_mismatch",
        "saml_subject_ambiguous",
        "saml_subject_encrypted",
        "saml_schema",
        "saml_check_broken",
        # saml/test_logout.py
        "saml_logout_missing",
        "saml_logout_not_signed",
        "saml_not_a_logout",
    }
    covered = {code for forgery in FORGERIES for code in forgery.codes}
    assert set(FAULTS) - covered - by_options == set()

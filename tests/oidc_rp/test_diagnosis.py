"""What an admin reads of a refused OpenID Connect sign-in and of a test: every step, the claims that came, where to click."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from oidc.relying_party.advice.consoles import ANYWHERE, PLACES, place
from oidc.relying_party.advice.topics import TOPICS
from oidc.relying_party.faults import AFTER, BETWEEN
from oidc.relying_party.id_token import ID_TOKEN_CHECKS
from oidc.relying_party.reply_checks import REPLY_CHECKS
from tests.support.oidc_op import members

NAMES = [*(c.name for c in REPLY_CHECKS), *BETWEEN, *(c.name for c in ID_TOKEN_CHECKS), *AFTER]


def refused(there, **claims):
    there.op.extra = claims
    there.answered(there.begin())
    reference = there.events("sign_in.refused")[0]["context"]["reference"]
    return reference, there.api("GET", f"/tenants/acme/diagnoses/{reference}")["report"]


def outcome(report, check):
    return next(finding for finding in report["findings"] if finding["check"] == check)


def test_the_claims_are_kept_and_can_be_taken_away(there):
    reference, report = refused(there, aud="another", groups=["Staff", "<b>"])
    assert [finding["check"] for finding in report["findings"]] == NAMES
    assert report["attributes"]["aud"] == ["another"]
    assert report["attributes"]["groups"] == ["Staff", "<b>"]
    assert report["mapped"]["email"] == "alice@acme.example"
    told = json.loads(report["xml"])
    assert told["id_token_header"]["alg"] == "ES256"
    assert told["id_token"]["sub"] == "alice-1"
    assert outcome(report, "id_token.signature")["outcome"] == "pass"
    assert outcome(report, "userinfo.sub")["outcome"] == "skip"
    there.api("DELETE", f"/tenants/acme/diagnoses/{reference}")
    there.api("GET", f"/tenants/acme/diagnoses/{reference}", status=404)


def test_what_is_kept_signs_nobody_in(there):
    kept = []
    honest = there.op.issue
    there.op.issue = lambda *args: kept.append(honest(*args)) or kept[-1]
    _, report = refused(there, iss="https://evil.example.com")
    [answer] = kept
    text = json.dumps(report)
    assert answer["access_token"] not in text
    assert answer["id_token"].rpartition(".")[2] not in text


def test_a_person_who_is_not_admitted_is_shown_too(there):
    _, report = refused(there, email="alice@globex.example")
    assert report["code"] == "email_domain_not_verified"
    assert report["mapped"]["email"] == "alice@globex.example"
    assert outcome(report, "id_token.nonce")["outcome"] == "pass"
    assert outcome(report, "email_domain_not_verified")["outcome"] == "fail"


def test_an_address_that_is_not_verified_is_noted(there):
    _, report = refused(there, email_verified=False)
    assert report["code"] == "email_not_verified"
    assert outcome(report, "person.email_trust")["received"] == '{"email_verified": false}'


def a_test_of(there):
    made = there.api("POST", f"{there.here}/test-sign-in", {})
    begun = there.client.post(made["url"])
    there.answered(dict(parse_qsl(urlsplit(begun.headers["location"]).query)))
    return there.api("GET", f"/tenants/acme/test-sign-ins/{made['id']}")


def test_a_test_sign_in_shows_what_came_and_what_it_means(there):
    there.op.extra = {"groups": ["Staff"], "department": "R&D"}
    there.fetcher.changes["/userinfo"] = members(given_name="Ada")
    told = a_test_of(there)
    assert told["state"] == "passed"
    assert told["report"]["mapped"]["groups"] == ["Staff"]
    assert told["report"]["mapped"]["department"] == "R&D"
    assert told["report"]["attributes"]["email"] == ["alice@acme.example"]
    assert [finding["check"] for finding in told["report"]["findings"]] == NAMES
    assert outcome(told["report"], "token_endpoint.client")["outcome"] == "pass"
    assert outcome(told["report"], "id_token.acr")["outcome"] == "skip"
    assert there.sessions() == []


def test_groups_that_were_left_out_are_told_plainly(there):
    there.api("PATCH", there.here, {"vendor": "entra"})
    there.op.extra = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}
    report = a_test_of(there)["report"]
    note = outcome(report, "person.groups")
    assert note["outcome"] == "pass"
    assert "too many" in note["received"]
    assert "Groups assigned to the application" in note["advice"]
    assert "groups" not in report["mapped"]


@pytest.mark.parametrize("vendor", [*PLACES, "generic", "ping", "azure", "nobody"])
def test_every_topic_has_a_place_at_every_vendor(vendor):
    assert all(place(vendor, topic) for topic in ANYWHERE)


def test_topics_are_those_of_checks():
    assert set(TOPICS) <= set(NAMES)


def test_the_vendor_s_words_stand_in_the_advice(there):
    there.api("PATCH", there.here, {"vendor": "okta"})
    _, report = refused(there, aud="another")
    assert "Client Credentials" in outcome(report, "id_token.aud")["advice"]


def test_a_token_that_cannot_be_read_fails_for_its_form_alone(there):
    there.op.forge = lambda claims: "a.b.c.d.e"
    _, report = refused(there)
    assert [one["check"] for one in report["findings"] if one["outcome"] == "fail"] == ["id_token.form"]

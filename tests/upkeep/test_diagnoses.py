"""The whole report of a refused answer is kept for a week, sealed, for the tenant's admins alone; and floods cost no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from idbroker.federation.contract import RedirectTo
from idbroker.kernel.errors import NotFound
from idbroker.login import diagnoses
from idbroker.login.diagnosis_rows import Diagnoses
from idbroker.login.steps import LoginRequest, SendToIdp, SignInRefused, Visitor
from tests.conformance.test_isolation import unbound
from tests.support.scripted_idp import ALICE, answer
from tests.support.staged import BROWSER, OTHER, PLANTED


def sent(broker, visitor: Visitor = BROWSER) -> str:
    step = broker.flow.begin(LoginRequest(resume_path="/sso/done", email="alice@acme.com"), visitor)
    assert isinstance(step, SendToIdp)
    assert isinstance(step.handoff, RedirectTo)
    return step.handoff.url.partition("state=")[2]


def refusal(broker, connection: str, handle: str, visitor: Visitor = BROWSER, **more: str) -> str:
    """The reference of a refused answer."""
    with pytest.raises(SignInRefused) as refused:
        broker.flow.reply("scripted", connection, answer(handle, connection=connection, **more), visitor)
    return broker.recorder.record(refused.value, visitor)


def read(broker, scope, reference: str):
    with broker.database.tenant(scope, read_only=True) as unit:
        return broker.keeper.open(unit, broker.keeper.known(unit, reference))


def kept(broker, scope) -> list[str]:
    with broker.database.tenant(scope, read_only=True) as unit:
        return [row.reference for row in unit[Diagnoses].newest()]


def test_a_refused_answer_leaves_its_report_under_its_reference(broker, acme, connection):
    reference = refusal(broker, connection, sent(broker), forged="yes")
    report = read(broker, acme, reference)
    assert (report["verdict"], report["code"], report["attributes"]) == ("refuse", "signature_bad", {"mail": [PLANTED]})
    assert [finding["check"] for finding in report["findings"]] == ["form", "signature", "audience"]
    assert report["findings"][1]["expected"] == "ours", "what the sign-in itself found counts"
    told = broker.events(acme.tenant, "sign_in.refused")[0]
    assert told["resource"]["id"] == reference
    assert PLANTED not in repr(told)


def test_a_refusal_after_the_checks_is_a_finding_of_its_own(broker, acme, connection):
    broker.idp.person("mallory", type(ALICE)(email="mallory@elsewhere.com"))
    reference = refusal(broker, connection, sent(broker), person="mallory")
    report = read(broker, acme, reference)
    assert (report["verdict"], report["code"]) == ("refuse", "email_domain_not_verified")
    last = report["findings"][-1]
    assert (last["check"], last["stage"], last["outcome"]) == ("email_domain_not_verified", "state", "fail")
    assert "Verify the domain" in last["advice"]


def test_it_is_sealed_with_the_tenants_key(broker, acme, connection, stores):
    reference = refusal(broker, connection, sent(broker), forged="yes")
    if stores.engine == "sqlite":
        path = Path(str(broker.database.engine.url.database))
        raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        assert reference.encode() in raw, "the file is the right one"
        assert PLANTED.encode() not in raw
    with unbound(stores, broker.database) as database:
        sealed = bytes(database.execute(text("SELECT sealed FROM diagnoses")).scalar_one())
    assert PLANTED.encode() not in sealed


def test_nobody_but_its_tenant_finds_it(broker, acme, connection):
    reference = refusal(broker, connection, sent(broker), forged="yes")
    with pytest.raises(NotFound):
        read(broker, broker.tenant("bob"), reference)


def test_no_report_of_what_never_reached_the_checks(broker, acme, connection):
    handle = sent(broker)
    refusal(broker, connection, handle, OTHER, forged="yes")
    refusal(broker, connection, "x" * 43, forged="yes")
    assert kept(broker, acme) == []
    assert broker.idp.reported == []


def test_a_flood_at_one_sign_in_is_not_diagnosed_again_and_again(broker, acme, connection):
    handle = sent(broker)
    for _ in range(diagnoses.PER_ATTEMPT + 4):
        refusal(broker, connection, handle, forged="yes")
    assert len(kept(broker, acme)) == len(broker.idp.reported) == diagnoses.PER_ATTEMPT
    assert len(broker.events(acme.tenant, "sign_in.refused")) == diagnoses.PER_ATTEMPT + 4


def test_a_flood_of_sign_ins_fills_no_database(broker, acme, connection, clock, monkeypatch):
    monkeypatch.setattr(diagnoses, "PER_HOUR", 4)
    monkeypatch.setattr(diagnoses, "PER_CONNECTION", 6)
    first = [refusal(broker, connection, sent(broker), forged="yes") for _ in range(6)]
    assert set(kept(broker, acme)) == set(first[:4])
    clock.advance(hours=2)
    later = [refusal(broker, connection, sent(broker), forged="yes") for _ in range(4)]
    assert len(kept(broker, acme)) == 6
    assert set(later) <= set(kept(broker, acme)), "the oldest go"


def test_a_diagnosis_that_fails_hinders_no_refusal(broker, acme, connection):
    broker.idp.broken = True
    reference = refusal(broker, connection, sent(broker), forged="yes")
    assert broker.events(acme.tenant, "sign_in.refused")[0]["resource"]["id"] == reference
    assert kept(broker, acme) == []


def test_it_can_be_redacted_and_the_trail_stays(broker, acme, connection):
    reference = refusal(broker, connection, sent(broker), forged="yes")
    with broker.database.tenant(acme) as unit:
        broker.keeper.redact(unit, reference)
    with pytest.raises(NotFound):
        read(broker, acme, reference)
    assert broker.actions(acme.tenant)[-2:] == ["sign_in.refused", "diagnosis.redacted"]


def test_it_is_gone_after_a_week(broker, acme, connection, clock):
    reference = refusal(broker, connection, sent(broker), forged="yes")
    clock.advance(days=6, hours=23)
    assert kept(broker, acme) == [reference]
    clock.advance(hours=1)
    assert kept(broker, acme) == [], "even before the worker comes by"
    with broker.database.tenant(acme) as unit:
        assert unit[Diagnoses].purge() == 1

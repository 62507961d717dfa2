"""The whole program against a provider that misbehaves in each row: no session, the cause named, the browser told nothing."""

from __future__ import annotations

import pytest

from oidc.demo_op import SigningKey
from tests.support.clock import TestClock
from tests.support.misbehaviours import ALL, KEY
from tests.support.oidc_installation import Installation

pytestmark = pytest.mark.xdist_group("misbehaviours")


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    made = Installation(tmp_path_factory.mktemp("hostile"), TestClock(), key=SigningKey(KEY.native, "RS256", "k1"))
    yield made
    made.close()


def quiet(there):
    """An honest provider again, an hour later, with nothing remembered of its keys."""
    there.op.forge, there.op.extra, there.op.without = None, {}, ()
    there.fetcher.changes.clear()
    there.clock.advance(hours=1)
    there.services.protocols["oidc"]._key_sets._entries.clear()


@pytest.mark.parametrize("name", ALL)
def test_no_session_and_the_cause_is_named(there, name):
    quiet(there)
    wrong, browser = ALL[name], there.browser()
    asked = there.begin(browser)
    there.op.forge, there.op.extra, there.op.without = wrong.forge, wrong.claims, wrong.without
    there.fetcher.changes.update(wrong.answers)
    answer = there.answered(asked, browser, **wrong.reply)
    assert answer.status_code in (400, 403, 502), answer.text
    assert "idb_session" not in str(answer.headers)
    assert there.sessions() == []
    event = there.events("sign_in.refused")[0]
    assert event["context"]["code"] == wrong.code
    reference = event["context"]["reference"]
    assert reference in answer.text
    for secret in ("s3cret", "evil.example.com", "globex", "169.254", "alice-1"):
        assert secret not in answer.text
    if not wrong.check:
        return
    report = there.api("GET", f"/tenants/acme/diagnoses/{reference}")["report"]
    failed = [finding for finding in report["findings"] if finding["outcome"] == "fail"]
    assert wrong.check in [finding["check"] for finding in failed], [finding["check"] for finding in failed]
    assert (report["verdict"], report["code"]) == ("refuse", wrong.code)
    assert all(finding["advice"] for finding in failed)
    assert "s3cret" not in str(report)


def test_enough_rows():
    assert len(ALL) > 120


def test_between_them_an_honest_provider_signs_in(there):
    quiet(there)
    there.sign_in(there.browser())
    assert len(there.sessions()) == 1

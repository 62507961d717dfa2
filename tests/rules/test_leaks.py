"""The watch over the suite's own output sees every kind of secret, and takes nothing harmless for one."""

from __future__ import annotations

import pytest

from tests.support.leaks import SHAPES, leaked

SECRETS = {
    "an API key": "idbk_0123456789abcdefghjkmnpqrs_" + "s" * 43,
    "a SCIM token": "scim_0123456789abcdefghjkmnpqrs.0123456789abcdefghjkmnpqrs." + "s" * 43,
    "a webhook secret": "whsec_" + "c2hvd24gdGhpcyBvbmNlLCBzaG93biB0aGlz",
    "a token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
    "a planted secret": "planted-client-5f1c0e7d9a",
}


@pytest.mark.parametrize("kind", SHAPES)
def test_it_is_seen(kind: str) -> None:
    told = leaked(f"first line\n12:00 [info] refused detail={SECRETS[kind]} request_id=req_1")
    assert told == f"{kind}, after “12:00 [info] refused detail=”"


@pytest.mark.parametrize(
    "text", ["", "key_01m8ewnt6heg4rjqnfk70m0878 was made", "idbk_… whsec_… eyJ…", "-----BEGIN PUBLIC KEY-----", "planted"]
)
def test_what_is_none(text: str) -> None:
    assert leaked(text) is None


@pytest.mark.parametrize("stream", ["stdout", "stderr", "log"])
@pytest.mark.parametrize("phase", ["setup", "call", "teardown"])
def test_every_test_is_watched(request: pytest.FixtureRequest, phase: str, stream: str) -> None:
    """By the hook that this very run has: the last phase fails with a secret in what was captured, and passes without one."""
    ended = pytest.CallInfo.from_call(lambda: None, "teardown")
    item = request.node
    assert item.ihook.pytest_runtest_makereport(item=item, call=ended).passed
    item.add_report_section(phase, stream, f"first line\nkey={SECRETS['an API key']}")
    report = item.ihook.pytest_runtest_makereport(item=item, call=ended)
    item._report_sections.clear()
    assert report.failed
    assert report.longrepr == f"{item.nodeid} shows an API key, after “key=”"

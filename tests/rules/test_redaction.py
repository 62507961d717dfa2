"""What must never stand in a log: by its name, by its shape, at any depth."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from idbroker.telemetry.logs import REDACTED, redact, set_up_logs

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
API_KEY = "idbk_0123456789abcdefghjkmnpqrs_" + "s" * 43
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
SCIM_TOKEN = f"scim_{'0' * 26}.{'1' * 26}.{'s' * 43}"
WEBHOOK = "whsec_" + "c2hvd24gb25jZSwgdGhlbiBuZXZlcg=="
SECRET = "hush-hush"


def clean(**record: Any) -> Any:
    return redact(None, "info", dict(record))


@pytest.mark.parametrize(
    "name",
    [
        "secret", "client_secret", "password", "Authorization", "cookie", "set-cookie", "access_token", "refresh_token",
        "id_token", "handle", "SAMLResponse", "saml_response", "code_verifier", "master_key", "code", "CODE", "RelayState",
        "relay_state",
    ],
)  # fmt: skip
def test_by_name(name: str) -> None:
    assert SECRET not in repr(clean(**{name: SECRET}))
    assert SECRET not in repr(clean(headers={name: SECRET}))
    assert SECRET not in repr(clean(calls=[{"deep": ({name: [SECRET]},)}]))


@pytest.mark.parametrize(
    "secret", [JWT, API_KEY, PEM, SCIM_TOKEN, WEBHOOK, f"a {JWT} b", f"Bearer {API_KEY}", "postgresql://u:hush@db/x"]
)
def test_by_shape(secret: str) -> None:
    for shown in (clean(event=secret), clean(detail=[secret]), clean(detail={"x": secret})):
        text = repr(shown)
        assert not any(part in text for part in (JWT, API_KEY, "MIIEow", "hush", "ssss", "c2hvd24"))
        assert REDACTED in text


def test_the_rest_stays() -> None:
    record = {
        "event": "refused", "status": 403, "request_id": "req_0", "detail": "eyes only", "url": "https://idp.example.com/a?b=c",
        "refusal": "code_reused", "list": [1, None, True], "nested": {"a": 1.5},
    }  # fmt: skip
    assert clean(**record) == record


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    set_up_logs("json")
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = before[0], before[1]


@pytest.mark.shows_secrets  # pytest's own handler sees the records as they were
def test_neither_our_logs_nor_the_libraries_tell(said: io.StringIO) -> None:
    try:
        raise ValueError(f"refused {JWT}")
    except ValueError:
        structlog.get_logger("ours").exception("failed", client_secret=SECRET, deep={"authorization": API_KEY})
        logging.getLogger("theirs").exception("failed with %s", API_KEY)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert len(lines) == 2
    assert all("Traceback" in line["exception"] for line in lines)
    assert all(line["level"] == "error" and line["timestamp"] for line in lines)
    assert not any(secret in said.getvalue() for secret in (JWT, API_KEY, SECRET))

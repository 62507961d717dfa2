"""What somebody of globex, or of nobody, tries against acme: tokens of one tenant at another's doors, a tenant that is only
claimed, and SQL in every place where something is searched.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from tests.support.doors import ACCESS_TOKEN, CALLBACK, CHALLENGE, EXCHANGE, VERIFIER, Doors
from tests.support.marked import marked

TOKENS = ("access_token", "id_token", "refresh_token", "machine", "code")


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_of_acme_opens_nothing_of_globex(doors: Doors, kind: str) -> None:
    """At globex's issuer, at the API, at SCIM: as bearer and as what is asked about. Nothing of acme's is told either."""
    token, client = doors.theirs[kind], doors.there.whole.client
    bearer = {"authorization": f"Bearer {token}"}
    answers = [
        client.get("/t/globex/oauth2/userinfo", headers=bearer),
        client.get(f"/api/v1/tenants/{doors.there.globex}", headers=bearer),
        client.get(f"/api/v1/tenants/{doors.there.ids['tenant']}/users", headers=bearer),
        client.get("/scim/v2/Users", headers=bearer),
    ]
    assert [answer.status_code for answer in answers] == [401] * 4
    about = doors.post("/t/globex/oauth2/introspect", token=token)
    assert about.json() == {"active": False}
    assert doors.post("/t/globex/oauth2/revoke", token=token).status_code == 200
    if kind in ("access_token", "refresh_token", "machine"):
        assert doors.active("acme", token), "another issuer's word ends nothing"
    assert not any(marked(answer.text) for answer in (*answers, about))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "refresh_token"}, "invalid_grant"),
        (
            {"grant_type": "authorization_code", "code": "code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
            "invalid_grant",
        ),
        ({"grant_type": EXCHANGE, "subject_token": "access_token", "subject_token_type": ACCESS_TOKEN}, "invalid_request"),
    ],
)
def test_no_grant_of_acme_is_one_at_globex(doors: Doors, form: dict[str, str], error: str) -> None:
    """The same is then taken at acme, so it was good."""
    given = {**form, **{name: doors.theirs[form[name]] for name in ("refresh_token", "code", "subject_token") if name in form}}
    refused = doors.post("/t/globex/oauth2/token", **given)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    good = doors.post("/t/acme/oauth2/token", **given)
    assert good.status_code == 200, good.text
    doors.theirs.update({name: value for name, value in good.json().items() if name == "refresh_token"})


def test_credentials_of_globex_s_administration_are_strangers_elsewhere(doors: Doors) -> None:
    """An API key at SCIM and at the issuers, a directory's token at the API."""
    there = doors.there
    client, scim = there.whole.client, there.scim["authorization"]
    assert client.get("/scim/v2/Users", headers={"authorization": f"Bearer {there.owner}"}).status_code == 401
    assert client.get("/t/globex/oauth2/userinfo", headers={"authorization": f"Bearer {there.owner}"}).status_code == 401
    assert client.get(f"/api/v1/tenants/{there.globex}", headers={"authorization": scim}).status_code == 401
    assert client.get("/t/globex/oauth2/userinfo", headers={"authorization": scim}).status_code == 401


def test_acme_s_session_is_none_at_globex(doors: Doors) -> None:
    """The browser of acme's alice, at globex's issuer without a word to anybody; and a logout there that names acme's token."""
    browser = doors.theirs["browser"]
    query = {
        "client_id": doors.app, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", "prompt": "none",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    told = parse_qs(urlsplit(browser.get(f"/t/globex/oauth2/authorize?{urlencode(query)}").headers["location"]).query)
    assert "code" not in told
    assert told["error"] == ["login_required"]
    hint = {"id_token_hint": doors.theirs["id_token"], "post_logout_redirect_uri": CALLBACK}
    browser.get(f"/t/globex/oauth2/logout?{urlencode(hint)}")
    assert doors.active("acme", doors.theirs["access_token"])


FORGED = ("tenant", "tenant_id", "tid", "connection", "directory", "iss")
HEADERS = ("x-tenant", "x-tenant-id", "tenant", "x-forwarded-prefix", "x-original-url", "x-rewrite-url")


def test_a_tenant_that_is_only_claimed_changes_nothing(doors: Doors) -> None:
    """globex's credentials with acme's name, id and addresses in query, form and headers: the answer is that of globex."""
    there, client = doors.there, doors.there.whole.client
    key, acme = {"authorization": f"Bearer {there.owner}"}, there.ids["tenant"]
    reads = {
        f"/api/v1/tenants/{there.globex}/users": key, f"/api/v1/tenants/{there.globex}/audit-events": key,
        "/api/v1/events": key, "/scim/v2/Users": there.scim, "/scim/v2/Groups": there.scim,
    }  # fmt: skip
    claims = {name: there.ids.get(name, acme) for name in FORGED}
    for path, proof in reads.items():
        plain = client.get(path, headers=proof)
        assert plain.status_code == 200, plain.text
        for name in HEADERS:
            value = f"/api/v1/tenants/{acme}/users" if "url" in name or "prefix" in name else acme
            assert _rows(client.get(path, headers={**proof, name: value})) == _rows(plain), (path, name)
        for name, value in claims.items():
            answer = client.get(f"{path}?{name}={quote(value)}", headers=proof)
            assert not marked(answer.text), (path, name)
            assert answer.status_code in (400, 404, 422) or _rows(answer) == _rows(plain), (path, name, answer.text)
    for name, value in (("tenant", "acme"), ("tenant", acme), ("tenant_id", acme)):
        token = doors.post("/t/globex/oauth2/token", grant_type="client_credentials", **{name: value})
        if token.status_code == 200:
            told = doors.post("/t/globex/oauth2/introspect", token=token.json()["access_token"]).json()
            assert told["tenant_id"] == there.globex
        else:
            assert token.json()["error"] in ("invalid_request", "invalid_target", "unauthorized_client"), token.text
        query = {
            "client_id": doors.app, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", name: value,
        }  # fmt: skip
        answer = there.whole.at("198.18.77.8").get(f"/t/globex/oauth2/authorize?{urlencode(query)}")
        assert "idp.acme.example" not in answer.headers.get("location", ""), (name, value)
        assert not marked(answer.text)


def _rows(answer: Any) -> Any:
    """What is listed; a record of this very look is none of it."""
    document = answer.json()
    return document.get("data", document.get("Resources", document))


SQL = (
    "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE users; --", "') OR tenant_id <> '' --", "' UNION SELECT * FROM users --",
    "%", "a_ice", "al%ce", "\\", "\\'", '"', "$$", "${jndi:x}", "x' AND pg_sleep(5) --", "' OR email LIKE '%zzq%' --", "\x00",
    "1); SELECT set_config('idbroker.tenant', 'x', false); --", "\ud83d\ude00'", "::text", '{"$ne": null}',
)  # fmt: skip
TEXTS = ("users", "groups", "role-mappings", "admins", "domains", "connections")
COMPARED = ("userName", "emails.value", "externalId", "displayName")


def test_sql_in_every_filter_finds_nothing_and_breaks_nothing(doors: Doors) -> None:
    """Each text is looked for as text: nobody bears it. No accident, nothing of acme, nothing lost.

    The texts take turns: every place is asked with several of them, every text in several places.
    """
    there, client, door = doors.there, doors.there.whole.client, doors.there.whole.at("198.18.77.7")
    key, mine = {"authorization": f"Bearer {there.owner}"}, f"/api/v1/tenants/{there.globex}"
    before = there.acme.api("GET", f"{there.acme.here}/users")["data"]
    for turn, text in enumerate(SQL):
        value = _sent(text)
        inside = _sent(text.replace("\\", "\\\\").replace('"', '\\"'))
        searched = [f"{mine}/{path}?q={value}" for path in TEXTS]
        searched += [f"{mine}/audit-events?{name}={value}" for name in ("q", "action", "actor", "resource")]
        searched += [f"{mine}/users?cursor={value}", f"{mine}/audit-events?since={value}", f"/api/v1/events?after={value}"]
        for path in [*searched, f"{mine}/users/{value}"][turn % 3 :: 3]:
            _nothing(client.get(path, headers=key), path)
        attribute, operator = COMPARED[turn % len(COMPARED)], ("eq", "co", "gt")[turn % 3]
        kind = "Groups" if attribute == "displayName" else "Users"
        path = f"/scim/v2/{kind}?filter={attribute}%20{operator}%20%22{inside}%22"
        _nothing(client.get(path, headers=there.scim), path, everybody=operator != "eq")
        for path in ("?filter=", "?sortBy=", "?attributes=", "?cursor=", "/")[turn % 2 :: 2]:
            _nothing(client.get(f"/scim/v2/Users{path}{value}", headers=there.scim), path, everybody=True)
        email = f"{text}@acme.example".encode("utf-8", "replace").decode()
        hrd = client.post("/api/v1/hrd", json={"email": email}, auth=(doors.app, doors.secret))
        assert hrd.status_code in (200, 422), (text, hrd.text)
        path = (f"/sso?email={value}@acme.example", f"/sso?email=x@{value}")[turn % 2]
        _nothing(door.get(path), path, everybody=True)
    assert there.acme.api("GET", f"{there.acme.here}/users")["data"] == before


def _sent(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))


def _nothing(answer: Any, path: str, *, everybody: bool = False) -> None:
    """``everybody``: a comparison that one's own rows may well meet."""
    assert answer.status_code < 500, (path, answer.text)
    assert not marked(answer.text), path
    if answer.status_code == 200 and not everybody:
        assert _rows(answer) == [] or answer.json().get("totalResults") == 0, (path, answer.text)

"""Customers' identity providers push and are polled; forgers, replayers and other tenants' providers get nowhere."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest

from idbroker.directory.model import Users
from idbroker.kernel.ids import new_id
from idbroker.provisioning.signalled import Named
from oidc.signals.poller import Poller
from oidc.signals.reading import named
from tests.signals.conftest import SignalWorld
from tests.support.people import Person, make_person
from tests.support.signal_transmitter import CAEP, RISC, SignalTransmitter, b64
from tests.support.whole import BASE, SamlTenant

GOOGLE = "https://accounts.google.com/"
TYPE = {"content-type": "application/secevent+jwt"}


@dataclass
class Place:
    """A tenant with a connection that receives signals of its own provider."""

    world: SignalWorld
    tenant: SamlTenant
    idp: SignalTransmitter
    url: str

    @property
    def connection(self) -> str:
        return str(self.tenant.connection["id"])

    def person(self, subject: str, email: str | None = None, connection: str | None = None) -> Person:
        scope = self.world.whole.scope(self.tenant.id)
        known = connection or self.connection
        return make_person(
            self.world.whole.services, scope, email or f"{subject}@{self.tenant.domain}", connection=known, subject=subject
        )

    def push(self, token: str | bytes, url: str | None = None, **headers: str) -> Any:
        return self.world.whole.client.post(url or self.url, content=token, headers={**TYPE, **headers})

    def told(self, uri: str, subject: Any, **more: Any) -> Any:
        return self.push(self.idp.sign(self.idp.claims(uri, subject, **more)))

    def sessions(self, person: Person) -> list[Any]:
        rows = self.world.whole.api("GET", f"/tenants/{self.tenant.id}/sessions?live=true&limit=200")["data"]
        return [row for row in rows if row["user_id"] == person.id]

    def active(self, person: Person) -> bool:
        return bool(self.world.whole.api("GET", f"/tenants/{self.tenant.id}/users/{person.id}")["active"])

    def outcomes(self) -> list[str]:
        events = self.world.whole.events(self.tenant.id, "signal.accepted")
        return [one["outcome"] for event in events for one in event["context"]["events"]]


def place(world: SignalWorld, issuer: str | None = None, kid: str = "idp-1", **body: Any) -> Place:
    number = next(world.numbers)
    tenant = SamlTenant(world.whole, f"signals{number}", "enterprise")
    name = issuer or f"https://idp{number}.example"
    idp = SignalTransmitter(name, f"{BASE}/signals/{tenant.connection['id']}", int(world.whole.clock.now().timestamp()), kid)
    pages = world.whole.services.fetcher.pages  # type: ignore[attr-defined]
    configuration = {"issuer": name, "jwks_uri": f"{name.rstrip('/')}/keys-{number}"}
    where = "risc" if issuer == GOOGLE else "ssf"
    pages[f"{name.rstrip('/')}/.well-known/{where}-configuration"] = (200, json.dumps(configuration).encode())
    pages[configuration["jwks_uri"]] = (200, json.dumps(idp.jwks).encode())
    made = world.whole.api(
        "PUT", f"/tenants/{tenant.id}/connections/{tenant.connection['id']}/signals", {"issuer": name, **body}
    )
    assert made["jwks_uri"] == configuration["jwks_uri"]
    return Place(world, tenant, idp, made["push_url"])


@pytest.fixture(scope="module")
def acme(world: SignalWorld) -> Place:
    return place(world)


def test_a_revoked_session_ends_here_with_a_receipt_and_reaches_the_apps(acme: Place) -> None:
    person, other = acme.person("ann"), acme.person("ben")
    answer = acme.told(CAEP + "session-revoked", acme.idp.sub("ann"))
    assert (answer.status_code, answer.content) == (202, b"")
    assert acme.sessions(person) == []
    assert len(acme.sessions(other)) == 1
    assert acme.active(person)
    where = f"/tenants/{acme.tenant.id}/users/{person.id}/revocations"
    (receipt,) = acme.world.whole.api("GET", where)["data"]
    assert (receipt["cause"], receipt["sessions"]) == ("idp_signal", 1)
    (event,) = [
        one for one in acme.world.whole.events(acme.tenant.id, "session.ended") if one["resource"]["id"] == person.session
    ]
    assert event["context"]["reason"] == "idp_signal"


@pytest.mark.parametrize("event", ["account-disabled", "account-purged"])
def test_a_disabled_account_is_switched_off_and_only_its_own_connection_switches_it_on(acme: Place, event: str) -> None:
    person = acme.person(event)
    assert acme.told(RISC + event, acme.idp.sub(event)).status_code == 202
    assert not acme.active(person)
    assert acme.sessions(person) == []
    assert acme.told(RISC + "account-enabled", acme.idp.sub(event)).status_code == 202
    assert acme.active(person)
    scope = acme.world.whole.scope(acme.tenant.id)
    with acme.world.whole.services.database.tenant(scope) as unit:  # an admin's or a directory's doing
        user = unit[Users].get(person.id)
        assert user is not None
        user.active = False
    acme.told(RISC + "account-enabled", acme.idp.sub(event))
    assert not acme.active(person)


def test_signals_that_change_nothing_here_are_passed_on(acme: Place) -> None:
    acme.person("carl")
    change = {"credential_type": "password", "change_type": "update", "unknown": "x", "reason_admin": {"en": "reset"}}
    acme.told(CAEP + "credential-change", acme.idp.sub("carl"), event=change)
    (event,) = acme.world.whole.events(acme.tenant.id, "user.credential_changed")
    assert event["context"]["signal"] == {name: value for name, value in change.items() if name != "unknown"}
    acme.told(CAEP + "device-compliance-change", acme.idp.sub("carl"))
    assert acme.outcomes()[-2:] == ["noted", "ignored"]


def test_one_session_at_the_provider_ends_alone(acme: Place) -> None:
    person = acme.person("dora")
    session = {"format": "opaque", "id": "another"}
    complex_subject = {"format": "complex", "user": acme.idp.sub("dora"), "session": session}
    acme.told(CAEP + "session-revoked", complex_subject)
    assert len(acme.sessions(person)) == 1
    session["id"] = f"idp-{person.id}"
    acme.told(CAEP + "session-revoked", complex_subject)
    assert acme.sessions(person) == []
    again = acme.person("dora2")
    acme.told(CAEP + "session-revoked", {"format": "complex", "session": {"format": "opaque", "id": f"idp-{again.id}"}})
    assert acme.sessions(again) == []


def test_the_same_token_twice_is_acknowledged_and_acted_on_once(acme: Place) -> None:
    acme.person("eva")
    token = acme.idp.sign(acme.idp.claims(CAEP + "session-revoked", acme.idp.sub("eva")))
    before = len(acme.world.whole.events(acme.tenant.id, "signal.accepted"))
    assert [acme.push(token).status_code for _ in range(3)] == [202] * 3
    assert len(acme.world.whole.events(acme.tenant.id, "signal.accepted")) == before + 1


def test_a_verified_address_names_somebody_whom_no_other_connection_knows(acme: Place) -> None:
    mine, another = acme.person("fritz"), acme.person("greta", connection=new_id("con"))
    for person, ended in ((mine, True), (another, False)):
        acme.told(CAEP + "session-revoked", {"format": "email", "email": person.email.upper()})
        assert (acme.sessions(person) == []) is ended
    foreign = acme.person("hans", email=f"hans{next(acme.world.numbers)}@not-ours.example")
    acme.told(CAEP + "session-revoked", {"format": "email", "email": foreign.email})
    assert len(acme.sessions(foreign)) == 1


def test_google_types_its_tokens_as_any_other_and_names_subjects_its_own_way(world: SignalWorld) -> None:
    google = place(world, GOOGLE)
    person = google.person("108")
    subject = {"subject_type": "iss-sub", "iss": GOOGLE, "sub": "108"}
    claims = google.idp.claims(RISC + "account-disabled", None, event={"subject": subject, "reason": "hijacking"})
    del claims["sub_id"]
    assert google.push(google.idp.sign(claims, typ="JWT")).status_code == 202
    assert not google.active(person)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"format": "iss_sub", "iss": "I", "sub": "a"}, Named(("a",))),
        ({"format": "iss_sub", "iss": "another", "sub": "a"}, Named()),
        ({"subject_type": "iss-sub", "iss": "I", "sub": "a"}, Named(("a",))),
        ({"subject_type": "id_token_claims", "iss": "I", "sub": "a", "email": "B@b.example"}, Named(("a",), ("b@b.example",))),
        ({"format": "opaque", "id": "a"}, Named(("a",))),
        ({"format": "account", "uri": "acct:a@b.example"}, Named((), ("a@b.example",))),
        ({"format": "email", "email": "not an address"}, Named()),
        ({"format": "aliases", "identifiers": [{"format": "opaque", "id": "a"}, "x"]}, Named(("a",))),
        ({"user": {"format": "opaque", "id": "a"}, "device": {"format": "opaque", "id": "d"}}, Named(("a",))),
        ({"format": "complex", "device": {"format": "opaque", "id": "d"}}, Named()),
        ({"format": ["iss_sub"], "iss": "I", "sub": "a"}, Named()),
        ({"format": "opaque", "id": 7}, Named()),
        (None, Named()),
        ([], Named()),
    ],
)
def test_how_subjects_are_read(subject: Any, expected: Named) -> None:
    assert named(subject, "I") == expected


def test_entra_names_people_by_object_id() -> None:
    issuer = "https://login.microsoftonline.com/AAAA-bbbb/v2.0"
    assert named({"format": "iss_sub", "iss": issuer, "sub": "OID"}, issuer).subjects == ("OID", "aaaa-bbbb:oid")


def without(name: str) -> Any:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


HOSTILE: list[tuple[str, Any, dict[str, Any], str, str]] = [
    ("alg none", None, {"alg": "none"}, "set_alg_not_allowed", "invalid_key"),
    ("a shared key", None, {"alg": "HS256"}, "set_alg_not_allowed", "invalid_key"),
    ("an unknown kid", None, {"kid": "nobody"}, "set_key_unknown", "invalid_key"),
    ("another's key", None, {"key": "forger"}, "set_signature_invalid", "invalid_key"),
    ("an ID token's type", None, {"typ": "JWT"}, "set_type", "invalid_request"),
    ("an access token's type", None, {"typ": "at+jwt"}, "set_type", "invalid_request"),
    ("no type", None, {"typ": None}, "set_type", "invalid_request"),
    ("a critical extension", None, {"crit": ["b64"], "b64": False}, "set_malformed", "invalid_request"),
    ("an own key", None, {"jwk": {"kty": "oct", "k": "AA"}, "kid": "x"}, "set_key_unknown", "invalid_key"),
    ("another issuer", lambda c: {**c, "iss": c["iss"] + "/"}, {}, "set_iss_mismatch", "invalid_issuer"),
    ("no issuer", without("iss"), {}, "set_iss_mismatch", "invalid_issuer"),
    ("another audience", lambda c: {**c, "aud": c["aud"] + "x"}, {}, "set_aud_mismatch", "invalid_audience"),
    ("an odd audience", lambda c: {**c, "aud": {"a": 1}}, {}, "set_aud_mismatch", "invalid_audience"),
    ("the future", lambda c: {**c, "iat": c["iat"] + 3600}, {}, "set_iat_invalid", "invalid_request"),
    ("the past", lambda c: {**c, "iat": c["iat"] - 8 * 86_400}, {}, "set_iat_invalid", "invalid_request"),
    ("no time", without("iat"), {}, "set_iat_invalid", "invalid_request"),
    ("no jti", without("jti"), {}, "set_jti_missing", "invalid_request"),
    ("a jti like a book", lambda c: {**c, "jti": "x" * 5000}, {}, "set_jti_missing", "invalid_request"),
    ("an expiry", lambda c: {**c, "exp": c["iat"] + 60}, {}, "set_other_kind", "invalid_request"),
    ("a nonce", lambda c: {**c, "nonce": "n"}, {}, "set_other_kind", "invalid_request"),
    ("no events", without("events"), {}, "set_events_missing", "invalid_request"),
    ("a list of events", lambda c: {**c, "events": ["x"]}, {}, "set_events_missing", "invalid_request"),
    ("an event that is none", lambda c: {**c, "events": {"x": "y"}}, {}, "set_events_missing", "invalid_request"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "header", "code", "err"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_tokens_end_nothing(acme: Place, edit: Any, header: dict[str, Any], code: str, err: str) -> None:
    name = f"victim-{next(acme.world.numbers)}"
    person = acme.person(name)
    claims = acme.idp.claims(CAEP + "session-revoked", acme.idp.sub(name))
    answer = acme.push(acme.idp.sign(edit(claims) if edit else claims, **header))
    assert answer.status_code == 400
    assert answer.json() == {"err": err, "description": "The Security Event Token could not be accepted. It changed nothing."}
    assert len(acme.sessions(person)) == 1
    assert acme.world.whole.events(acme.tenant.id, "signal.refused")[-1]["context"]["code"] == code


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"a.b.c", b"..", b"\xff" * 20, b"{}" * 1000, b"A" * 70_000, b"e30.e30.e30", b"a." * 20_000],
    ids=["empty", "a letter", "no JSON", "dots", "bytes", "JSON", "long", "empty objects", "many parts"],
)
def test_bodies_that_are_no_token(acme: Place, body: bytes) -> None:
    answer = acme.push(body)
    assert answer.status_code in (400, 413)
    assert answer.json()["err"] == "invalid_request"


def test_an_unsigned_part_that_was_changed(acme: Place) -> None:
    head, _, signature = acme.idp.sign(acme.idp.claims(CAEP + "session-revoked", acme.idp.sub("x"))).split(".")
    forged = b64(json.dumps(acme.idp.claims(CAEP + "session-revoked", acme.idp.sub("y"))).encode())
    assert acme.push(f"{head}.{forged}.{signature}").json()["err"] == "invalid_key"
    stripped = json.loads(base64.urlsafe_b64decode(head + "=="))
    none = b64(json.dumps({**stripped, "alg": "none"}).encode())
    assert acme.push(f"{none}.{forged}.").json()["err"] in ("invalid_key", "invalid_request")


def test_other_content_types_and_methods(acme: Place) -> None:
    token = acme.idp.sign(acme.idp.claims(CAEP + "session-revoked", acme.idp.sub("x")))
    answer = acme.push(token, **{"content-type": "application/json"})
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")
    assert acme.world.whole.client.get(acme.url).status_code == 405


def test_another_tenants_provider_gets_nowhere(world: SignalWorld, acme: Place) -> None:
    globex = place(world, kid="globex-1")
    person = acme.person("ines", email=f"ines@{acme.tenant.domain}")
    # Its own token at acme's address; a token that says it is acme's provider; its own, about acme's person, at its own.
    own = globex.idp.sign(globex.idp.claims(CAEP + "session-revoked", acme.idp.sub("ines")))
    assert globex.push(own, acme.url).json()["err"] == "invalid_key"
    lying = globex.idp.claims(CAEP + "session-revoked", acme.idp.sub("ines")) | {
        "iss": acme.idp.issuer,
        "aud": acme.idp.audience,
    }
    assert globex.push(globex.idp.sign(lying, key="forger"), acme.url).json()["err"] == "invalid_key"
    for subject in (globex.idp.sub("ines"), {"format": "email", "email": person.email}, {"format": "opaque", "id": person.id}):
        assert globex.told(RISC + "account-disabled", subject).status_code == 202
    assert globex.outcomes() == ["nobody"] * 3
    assert acme.active(person)
    assert len(acme.sessions(person)) == 1


def test_addresses_at_which_nothing_is_received_are_alike(world: SignalWorld, acme: Place) -> None:
    quiet = SamlTenant(world.whole, f"quiet{next(world.numbers)}", "enterprise")
    off = place(world)
    world.whole.api(
        "PUT", f"/tenants/{off.tenant.id}/connections/{off.connection}/signals", {"issuer": off.idp.issuer, "enabled": False}
    )
    disabled = place(world)
    world.whole.api("PATCH", f"/tenants/{disabled.tenant.id}/connections/{disabled.connection}", {"status": "disabled"})
    removed = place(world)
    world.whole.api("DELETE", f"/tenants/{removed.tenant.id}/connections/{removed.connection}/signals")
    token = acme.idp.sign(acme.idp.claims(CAEP + "session-revoked", acme.idp.sub("x")))
    places = [
        f"/signals/{quiet.connection['id']}",
        off.url,
        disabled.url,
        removed.url,
        "/signals/con_" + "0" * 26,
        "/signals/x",
    ]
    answers = [acme.push(token, where) for where in places]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


def test_a_flood_of_unknown_kids_asks_the_provider_once_a_minute(acme: Place) -> None:
    fetcher = acme.world.whole.services.fetcher
    asked: list[str] = []
    read = fetcher.get

    def counted(url: str, **how: Any) -> Any:
        asked.append(url)
        return read(url, **how)

    fetcher.get = counted  # type: ignore[method-assign]
    try:
        for number in range(20):
            acme.push(acme.idp.sign(acme.idp.claims(CAEP + "session-revoked", acme.idp.sub("x")), kid=f"kid-{number}"))
    finally:
        fetcher.get = read  # type: ignore[method-assign]
    assert len(asked) <= 2


def test_keys_that_cannot_be_read_ask_the_provider_to_try_again(world: SignalWorld) -> None:
    away = place(world)
    world.whole.services.fetcher.pages = {  # type: ignore[attr-defined]
        url: page
        for url, page in world.whole.services.fetcher.pages.items()
        if "/keys-" not in url  # type: ignore[attr-defined]
    }
    assert away.told(CAEP + "session-revoked", away.idp.sub("x")).status_code == 503


def test_a_provider_is_polled_acknowledged_and_told_what_was_wrong(world: SignalWorld) -> None:
    poll_url = f"https://poll{next(world.numbers)}.example/sets"
    polled = place(world, poll_url=poll_url, poll_token="of-the-idp")
    world.receivers.answers[poll_url] = polled.idp.poll_endpoint("of-the-idp")
    people = [polled.person(f"poll-{number}") for number in range(52)]
    for number in range(52):
        claims = polled.idp.claims(CAEP + "session-revoked", polled.idp.sub(f"poll-{number}"))
        polled.idp.waiting[claims["jti"]] = polled.idp.sign(claims)
    bad = polled.idp.claims(CAEP + "session-revoked", polled.idp.sub("poll-1"), aud="another")
    polled.idp.waiting[bad["jti"]] = polled.idp.sign(bad)
    services = world.whole.services
    poller = Poller(services.database, services.sources, services.reception, world.receivers)
    assert poller.run_due() == 53
    assert polled.sessions(people[0]) == polled.sessions(people[-1]) == []
    assert polled.outcomes() == ["sessions_ended"] * 52
    assert (len(polled.idp.acknowledged), polled.idp.waiting) == (52, {})
    assert polled.idp.errors == {bad["jti"]: {"err": "invalid_audience", "description": "The token could not be accepted."}}
    assert poller.run_due() == 0  # not due
    world.whole.clock.advance(seconds=31)
    world.receivers.answers[poll_url] = 500
    poller.run_due()
    world.whole.clock.advance(seconds=60)
    poller.run_due()
    failed = world.whole.events(polled.tenant.id, "signal_source.poll_failed")
    assert [event["context"]["error"] for event in failed] == ["The provider answered 500."]
    shown = world.whole.api("GET", f"/tenants/{polled.tenant.id}/connections/{polled.connection}/signals")
    assert (shown["has_poll_token"], shown["last_error"]) == (True, "The provider answered 500.")
    assert "of-the-idp" not in json.dumps(shown)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"issuer": "ftp://x"},
        {"issuer": "https://unknown.example"},
        {"issuer": "https://a.example", "audience": []},
        {"x": 1},
    ],
)
def test_receivers_that_cannot_be(acme: Place, body: dict[str, Any]) -> None:
    where = f"/tenants/{acme.tenant.id}/connections/{acme.connection}/signals"
    assert acme.world.whole.send("PUT", where, body).status_code == 422


def test_what_is_another_tenants_is_not_there(world: SignalWorld, acme: Place) -> None:
    key = world.whole.key(place(world).tenant.id)
    for method, body in (("GET", None), ("PUT", {"issuer": "https://a.example"}), ("DELETE", None)):
        where = f"/tenants/{acme.tenant.id}/connections/{acme.connection}/signals"
        assert world.whole.send(method, where, body, key=key).status_code == 404

"""Passkeys: added, used, removed; and every answer that must sign nobody in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idbroker.admins.ceremony import site_of
from idbroker.admins.keeping import forget_visits
from tests.support.authenticator import AT, UP, UV, Authenticator
from tests.support.ui_world import BASE, Page, Person, UiWorld

RP_ID = "id.example.com"
OWN = "/admin/passkeys"
ORIGIN = {"origin": BASE}


def authenticator() -> Authenticator:
    return Authenticator(BASE, RP_ID)


def asked(person: Person) -> dict[str, Any]:
    answer = person.client.post("/admin/passkey/options", headers=ORIGIN)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def asked_new(person: Person, token: str | None = None) -> Any:
    proof = person.get(OWN).token if token is None else token
    return person.client.post(f"{OWN}/options", data={"csrf": proof}, headers=ORIGIN)


def added(person: Person, device: Authenticator, name: str = "Laptop", **odd: Any) -> Page:
    options = asked_new(person).json()
    return person.post(OWN, credential=device.create(options, **odd), name=name)


def used(person: Person, device: Authenticator, **odd: Any) -> Any:
    options = asked(person)
    return person.client.post("/admin/passkey", data={"credential": device.get(options, **odd)}, headers=ORIGIN)


@pytest.fixture
def device(shared: UiWorld, request: pytest.FixtureRequest) -> Authenticator:
    """One that an operator of its own has added."""
    made = authenticator()
    operator = shared.operator(f"op{abs(hash(request.node.name)) % 10**8}@example.com")
    assert added(operator, made).location == OWN
    return made


def test_an_operator_adds_several_signs_in_and_removes_one(world: UiWorld) -> None:
    operator, laptop, key = world.operator(), authenticator(), authenticator()
    assert added(operator, laptop).location == OWN
    assert added(operator, key, "Blue <key>").location == OWN
    page = operator.get(OWN)
    assert "Blue &lt;key&gt;" in page.text
    assert "It was" not in page.text
    for one in (laptop, key):
        browser = world.browser()
        answer = used(browser, one)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
        assert browser.get("/admin").location == "/admin/overview"
        assert browser.get("/admin/overview").status == 200
    first = page.text.partition("/admin/passkeys/psk_")[2].partition("/")[0]
    assert operator.post(f"{OWN}/psk_{first}/remove", page=OWN).location == OWN
    assert used(world.browser(), laptop).status_code == 403
    assert used(world.browser(), key).status_code == 303
    events = [(event["action"], event["context"].get("by")) for event in world.events(None)]
    assert events.count(("operator.signed_in", "passkey")) == 3
    assert [action for action, _ in events].count("passkey.added") == 2
    assert ("passkey.removed", None) in events
    assert ("passkey.refused", None) in events


def test_a_tenants_admin_has_his_own(world: UiWorld) -> None:
    world.tenant("acme")
    admin, device = world.admin("acme"), authenticator()
    assert added(admin, device).location == OWN
    browser = world.browser()
    assert used(browser, device).status_code == 303
    assert browser.get("/admin").location == "/admin/t/acme"
    assert browser.get("/admin/overview").status == 403
    actions = [(event["action"], event["context"].get("by")) for event in world.events("acme")]
    assert ("admin.signed_in", "passkey") in actions
    assert ("passkey.added", None) in actions
    who = world.api("GET", "/tenants/acme/admins")["data"][0]
    world.api("POST", "/tenants/acme/admins", {"email": "other@acme.example", "role": "owner"})
    world.api("DELETE", f"/tenants/acme/admins/{who['id']}")
    assert used(world.browser(), device).status_code == 403, "he is no admin any more"


def test_an_operator_who_is_switched_off_is_out(world: UiWorld) -> None:
    operator, device = world.operator("gone@example.com"), authenticator()
    added(operator, device)
    who = next(one for one in world.api("GET", "/operators")["data"] if one["email"] == "gone@example.com")
    world.api("POST", f"/operators/{who['id']}/disable")
    assert used(world.browser(), device).status_code == 403


HOSTILE_SIGN_INS: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "a look-alike origin": {"origin": f"{BASE}.evil.example"},
    "http": {"origin": "http://id.example.com"},
    "another site's key": {"rp_id": "evil.example"},
    "a parent domain's key": {"rp_id": "example.com"},
    "nobody verified": {"flags": UP},
    "nobody present": {"flags": UV},
    "a registration": {"type": "webauthn.create"},
    "a challenge of its own": {"challenge": "A" * 43},
    "no challenge": {"challenge": ""},
    "a challenge that is no text": {"challenge": 7},
    "no signature": {"signature": b""},
    "a forged signature": {"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"},
    "other data than was signed": {"data": bytes(37)},
    "short data": {"data": b"x"},
    "another's handle": {"handle": b"opr_01m8ewnt6heg4rjqnfk70m0878"},
    "a handle that is no text": {"handle": b"\xff\xfe"},
}


@pytest.mark.parametrize("case", HOSTILE_SIGN_INS)
def test_what_signs_nobody_in(shared: UiWorld, device: Authenticator, case: str) -> None:
    browser = shared.browser()
    answer = used(browser, device, **HOSTILE_SIGN_INS[case])
    assert answer.status_code == 403, answer.text
    assert "This passkey was not accepted" in answer.text
    assert browser.get("/admin/overview").status == 303
    assert used(browser, device).status_code == 303, "and it still works for its owner"


def test_a_counter_that_does_not_move_on_is_a_copy(shared: UiWorld, device: Authenticator) -> None:
    assert used(shared.browser(), device, counter=5).status_code == 303
    for stale in (5, 4, 0):
        assert used(shared.browser(), device, counter=stale).status_code == 403
    assert used(shared.browser(), device, counter=6).status_code == 303
    assert any("sign count" in str(event["context"].get("detail")) for event in shared.events(None))


def test_an_answer_works_once_in_the_browser_that_asked_and_not_for_long(world: UiWorld) -> None:
    device = authenticator()
    added(world.operator(), device)
    browser, thief = world.browser(), world.browser()
    answer = device.get(asked(browser))
    asked(thief)
    assert thief.client.post("/admin/passkey", data={"credential": answer}, headers=ORIGIN).status_code == 403
    assert browser.client.post("/admin/passkey", data={"credential": answer}, headers=ORIGIN).status_code == 303
    assert browser.client.post("/admin/passkey", data={"credential": answer}, headers=ORIGIN).status_code == 403
    assert world.browser().client.post("/admin/passkey", data={"credential": answer}, headers=ORIGIN).status_code == 403
    late = device.get(asked(browser))
    world.clock.advance(minutes=5)
    assert browser.client.post("/admin/passkey", data={"credential": late}, headers=ORIGIN).status_code == 403
    assert forget_visits(world.services.database) >= 2


def test_no_other_site_asks_or_answers(shared: UiWorld, device: Authenticator) -> None:
    browser = shared.browser()
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert browser.client.post("/admin/passkey/options", headers=headers).status_code == 403
        answer = device.get(asked(browser))
        assert browser.client.post("/admin/passkey", data={"credential": answer}, headers=headers).status_code == 403


HOSTILE_REGISTRATIONS: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "another site": {"rp_id": "evil.example"},
    "nobody verified": {"flags": UP | AT},
    "no key in it": {"flags": UP | UV},
    "an assertion": {"type": "webauthn.get"},
    "a challenge of its own": {"challenge": "A" * 43},
    "no attestation": {"attestation": b""},
    "an attestation that is no CBOR": {"attestation": b"\xff" * 50},
    "deep CBOR": {"attestation": b"\x81" * 5000},
}


@pytest.mark.parametrize("case", HOSTILE_REGISTRATIONS)
def test_what_is_never_added(shared: UiWorld, case: str) -> None:
    operator, device = shared.operator(), authenticator()
    answer = added(operator, device, **HOSTILE_REGISTRATIONS[case])
    assert answer.status == 403, answer.text
    assert used(shared.browser(), device).status_code == 403


def test_adding_belongs_to_one_session(world: UiWorld) -> None:
    one, other, device = world.operator("one@example.com"), world.operator("two@example.com"), authenticator()
    options = asked_new(one).json()
    assert other.post(OWN, credential=device.create(options), name="x").status == 403
    assert one.post(OWN, credential=device.create(options), name="x").location == OWN
    assert one.post(OWN, credential=device.create(options), name="x").status == 403, "the challenge is used"
    assert added(other, device).status == 409, "it is somebody's already"
    passkey = one.get(OWN).text.partition("/admin/passkeys/psk_")[2].partition("/")[0]
    assert other.post(f"{OWN}/psk_{passkey}/remove", page=OWN).status == 404
    assert asked_new(one, token="x").status_code == 403
    assert world.browser().get(OWN).location.startswith("/admin/sign-in")
    assert asked_new(world.browser(), token="x").status_code == 401


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\x07b"])
def test_a_name_is_wanted(shared: UiWorld, name: str) -> None:
    answer = added(shared.operator(), authenticator(), name)
    assert answer.status == 422
    assert "1 to 80 printable" in answer.text


def test_ten_are_enough(world: UiWorld) -> None:
    operator = world.operator()
    for number in range(10):
        assert added(operator, authenticator(), f"Key {number}").location == OWN
    assert asked_new(operator).status_code == 409


GARBAGE = [
    "", "{}", "[]", "7", "null", "x", '{"response": 7}', '{"response": {"clientDataJSON": 7}}', "[" * 19_000, "x" * 20_001,
    *(f'{{"response": {{"clientDataJSON": "{text}"}}}}' for text in ("e30", "////", "eyJjaGFsbGVuZ2UiOm51bGx9")),
]  # fmt: skip


@pytest.mark.parametrize("text", GARBAGE, ids=lambda text: text[:20])
def test_garbage_is_refused(shared: UiWorld, text: str) -> None:
    browser = shared.browser()
    asked(browser)
    answer = browser.client.post("/admin/passkey", data={"credential": text}, headers=ORIGIN)
    assert answer.status_code == 403


def test_members_of_odd_kinds_break_nothing(shared: UiWorld, device: Authenticator) -> None:
    browser = shared.browser()
    for name in ("id", "rawId", "type", "response", "authenticatorData", "signature", "userHandle", "clientDataJSON"):
        for odd in (None, 7, [], {}, "", "\x00", "é", "A" * 9000):
            document = json.loads(device.get(asked(browser)))
            (document if name in document else document["response"])[name] = odd
            answer = browser.client.post("/admin/passkey", data={"credential": json.dumps(document)}, headers=ORIGIN)
            assert answer.status_code in (303, 403), (name, odd, answer.text)
            if answer.status_code == 303:
                assert (name, odd) in (("userHandle", None), ("type", None)), (name, odd)


@pytest.mark.parametrize(
    ("url", "rp_id", "usable"),
    [
        ("https://id.example.com", "id.example.com", True),
        ("https://id.example.com:8443", "id.example.com", True),
        ("http://localhost:8080", "localhost", True),
        ("http://id.example.com", "id.example.com", False),
        ("http://127.0.0.1:8080", "127.0.0.1", False),
        ("https://[::1]:8080", "::1", False),
    ],
)
def test_where_passkeys_can_be(url: str, rp_id: str, usable: bool) -> None:
    site = site_of(url)
    assert (site.rp_id, site.usable, site.origin) == (rp_id, usable, url)

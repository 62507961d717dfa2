"""The token endpoint: who may call, what a code is bound to, and that it works once."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from idbroker.apps.service import AppService
from tests.support.databases import Stores
from tests.support.provider_world import (
    BASE,
    OPERATOR,
    REDIRECT,
    VERIFIER,
    Client,
    ProviderWorld,
    document,
    issuer_of,
)

METHODS = ("client_secret_basic", "client_secret_post", "none")


def error_of(answer):
    assert dict(answer.headers)["cache-control"] == "no-store"
    found = document(answer)
    assert set(found) == {"error", "error_description"}
    return answer.status, found["error"]


def credentials(client: Client, method: str) -> dict[str, object]:
    if method == "client_secret_basic":
        return {"headers": client.basic()}
    if method == "client_secret_post":
        return {"headers": {}, "client_id": client.id, "client_secret": client.secret or "made-up"}
    return {"headers": {}, "client_id": client.id}


@pytest.mark.parametrize("registered", METHODS)
@pytest.mark.parametrize("used", METHODS)
def test_exactly_the_registered_method(world, registered, used):
    client = world.client(token_endpoint_auth_method=registered)
    answer = world.token(client, world.code(world.person(), client), **credentials(client, used))
    if used == registered:
        assert answer.status == 200
    else:
        assert error_of(answer) == (401, "invalid_client")


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_client_authentication(world):
    client = world.client()
    code = world.code(world.person(), client)
    wrong = [
        basic(f"{client.id}:wrong"),
        basic(f"{client.id}:"),
        basic(client.id),
        basic(f"app_00000000000000000000000000:{client.secret}"),
        basic("%ff:x"),
        {"authorization": "Basic !!!"},
        {"authorization": f"Bearer {client.secret}"},
        {"authorization": "Basic"},
        {"authorization": "Basic " + "A" * 9000},
    ]
    for headers in wrong:
        answer = world.token(client, code, headers=headers)
        assert error_of(answer) == (401, "invalid_client")
        assert dict(answer.headers)["www-authenticate"].startswith("Basic ")
    assert error_of(world.token(client, code, headers={})) == (401, "invalid_client")
    both = world.token(client, code, headers=client.basic(), client_secret=client.secret)
    assert error_of(both) == (400, "invalid_request")
    other = world.token(client, code, headers=client.basic(), client_id="app_other")
    assert error_of(other) == (400, "invalid_request")
    assert world.token(client, code, headers=client.basic(), client_id=client.id).status == 200


def test_the_form(world):
    client = world.client()
    code = world.code(world.person(), client)
    cases = {
        "grant_type": ({"grant_type": None}, "invalid_request"),
        "code": ({"code": None}, "invalid_request"),
        "redirect_uri": ({"redirect_uri": None}, "invalid_request"),
        "code_verifier": ({"code_verifier": None}, "invalid_request"),
        "other grant": ({"grant_type": "password"}, "unsupported_grant_type"),
        "implicit": ({"grant_type": "implicit"}, "unsupported_grant_type"),
        "resource": ({"resource": "https://api.example.com"}, "invalid_target"),
        "no handle": ({"code": "x"}, "invalid_grant"),
        "unknown code": ({"code": code[:-1] + ("A" if code[-1] != "A" else "B")}, "invalid_grant"),
    }
    for changed, error in cases.values():
        given = dict(changed)
        presented = given.pop("code", code)
        answer = world.token(client, presented or "", **given)
        assert error_of(answer) == (400, error)
    form = f"grant_type=authorization_code&grant_type=authorization_code&code={code}"
    answer = world.send("POST", "/oauth2/token", form=form, headers=client.basic())
    assert error_of(answer) == (400, "invalid_request")
    answer = world.send("POST", "/oauth2/token", headers={**client.basic(), "content-type": "application/json"})
    assert error_of(answer) == (400, "invalid_request")
    assert world.token(client, code).status == 200


def test_a_code_is_its_clients(world):
    """Another client's try leaves the code as it was."""
    client, thief, public = world.client(), world.client(), world.client(token_endpoint_auth_method="none")
    code = world.code(world.person(), client)
    assert error_of(world.token(thief, code)) == (400, "invalid_grant")
    assert error_of(world.token(public, code)) == (400, "invalid_grant")
    assert world.token(client, code).status == 200


def test_a_code_is_its_issuers(world):
    client, person = world.client(), world.person()
    code = world.code(person, client, issuer=issuer_of(world.acme))
    assert error_of(world.token(client, code)) == (400, "invalid_grant")
    assert error_of(world.token(client, code, issuer=issuer_of(world.globex))) == (400, "invalid_grant")
    assert world.token(client, code, issuer=issuer_of(world.acme)).status == 200
    shared = world.code(person, client)
    assert error_of(world.token(client, shared, issuer=issuer_of(world.acme))) == (400, "invalid_grant")
    assert world.token(client, shared).status == 200


def test_a_code_is_its_tenants(world):
    client = world.client()
    code = world.code(world.person(), client)
    moved = f"{world.globex.id.removeprefix('tnt_')}.{code.partition('.')[2]}"
    assert error_of(world.token(client, moved)) == (400, "invalid_grant")
    assert world.token(client, code).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": VERIFIER + "x"},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
        {"code_verifier": "é" * 43},
        {"redirect_uri": REDIRECT + "/"},
    ],
)
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
def test_a_wrong_guess_burns_the_code(world, changed, method):
    client = world.client(token_endpoint_auth_method=method)
    code = world.code(world.person(), client)
    assert error_of(world.token(client, code, **changed)) == (400, "invalid_grant")
    assert error_of(world.token(client, code)) == (400, "invalid_grant")


def test_a_code_lives_60_seconds(world):
    client, person = world.client(), world.person()
    code, late = world.code(person, client), world.code(person, client)
    world.clock.advance(seconds=59)
    assert world.token(client, code).status == 200
    world.clock.advance(seconds=1)
    assert error_of(world.token(client, late)) == (400, "invalid_grant")


def test_nobody_there_any_more(world):
    client, gone, off, closed = world.client(), world.person(), world.person(), world.tenant("shutting")
    codes = [world.code(gone, client), world.code(off, client), world.code(world.person(closed), client)]
    world.end(gone)
    world.switch_off(off)
    world.set_status(closed, "paused")
    for code in codes:
        assert error_of(world.token(client, code)) == (400, "invalid_grant")


def test_a_second_use_revokes_what_the_first_gave(world):
    client, person = world.client(), world.person()
    code = world.code(person, client)
    given = document(world.token(client, code))["access_token"]
    other = world.tokens(person, client)["access_token"]
    assert world.userinfo(given).status == 200
    before = len(world.events(world.acme, "token.reuse_detected"))
    for _ in range(2):
        assert error_of(world.token(client, code)) == (400, "invalid_grant")
    assert world.userinfo(given).status == 401
    assert world.userinfo(other).status == 200
    events = world.events(world.acme, "token.reuse_detected")[before:]
    assert [(event["session_id"], event["context"]["client_id"]) for event in events] == [(person.session.id, client.id)]


def test_one_code_in_twenty_hands(stores: Stores, clock):
    """On both engines: one 200, the others invalid_grant, and then the tokens of the one are dead."""
    world = ProviderWorld(stores.main, clock)
    client, person = world.client(), world.person()
    code, gate = world.code(person, client), threading.Barrier(20)
    world.keys.signer(world.acme.tenant_id, "ES256")

    def exchange(_):
        gate.wait()
        return world.token(client, code)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(exchange, range(20)))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 19}
    assert {document(a)["error"] for a in answers if a.status == 400} == {"invalid_grant"}
    (winner,) = (document(a) for a in answers if a.status == 200)
    assert world.userinfo(winner["access_token"]).status == 401
    assert world.events(world.acme, "token.reuse_detected")


def test_two_secrets_can_be_live(world):
    client, person = world.client(), world.person()
    with world.database.platform(OPERATOR) as unit:
        second = AppService().add_secret(unit, client.id)
    for secret in (client.secret, second):
        assert world.token(Client(client.app, secret), world.code(person, client)).status == 200


def test_an_unknown_issuer(world):
    assert world.send("POST", f"{BASE}/t/nobody/oauth2/token", form={}).status == 404

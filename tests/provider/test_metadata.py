"""Discovery and the key set: true, cacheable, readable from everywhere."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from idbroker.web.edge import Bridge, EdgeSettings, application
from idbroker.web.problems import problem
from idbroker.web.tenancy import Tenancy
from tests.support.provider_world import BASE, document, issuer_of

SHARED = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
TENANT = (
    "/t/acme/.well-known/openid-configuration",
    "/t/acme/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/t/acme",
)


@pytest.fixture(scope="module")
def http(world):
    bridge = Bridge(Tenancy(world.database), EdgeSettings(BASE, []))
    app = application(bridge, world.rows, problem)

    async def with_id(scope, receive, send):
        scope["idbroker.request_id"] = "req_test"
        await app(scope, receive, send)

    with TestClient(with_id, base_url=BASE, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("path", SHARED + TENANT)
def test_the_document(world, path):
    answer = world.send("GET", path)
    headers = dict(answer.headers)
    assert answer.media_type == "application/json"
    assert headers["cache-control"] == "public, max-age=300"
    assert headers["access-control-allow-origin"] == "*"
    assert document(answer)["issuer"] == (issuer_of(world.acme) if path in TENANT else BASE)
    assert document(answer)["code_challenge_methods_supported"] == ["S256"]
    assert document(answer)["response_types_supported"] == ["code"]


@pytest.mark.parametrize("path", [path.replace("acme", "nobody") for path in TENANT] + ["/t/nobody/oauth2/jwks"])
def test_no_such_tenant(world, path):
    assert world.send("GET", path).status == 404


@pytest.mark.parametrize("issuer", [BASE, f"{BASE}/t/acme"])
def test_every_endpoint_that_is_listed_is_there(http, issuer):
    metadata = http.get(f"{issuer}/.well-known/openid-configuration").json()
    endpoints = [value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 8
    for endpoint in endpoints:
        assert endpoint.startswith(issuer)
        answers = {http.get(endpoint).status_code, http.post(endpoint, data={"x": "y"}).status_code}
        assert answers - {404, 405}, endpoint
        assert not answers & {404, 500}, endpoint


def test_wrong_methods_and_addresses(http):
    assert http.get("/oauth2/token").status_code == 405
    assert http.post("/oauth2/jwks").status_code == 405
    assert http.get("/oauth2/introspect").status_code == 405
    assert http.get("/t/nobody/oauth2/jwks").status_code == 404
    assert http.head("/oauth2/jwks").status_code == 200


def test_every_supported_value_works(world):
    """The lists of discovery against what the endpoints take."""
    metadata = document(world.send("GET", SHARED[0]))
    person = world.person()
    for algorithm in metadata["id_token_signing_alg_values_supported"]:
        for method in metadata["token_endpoint_auth_methods_supported"]:
            if method == "private_key_jwt":
                continue  # test_client_assertion has its own
            client = world.client(
                id_token_signed_response_alg=algorithm,
                token_endpoint_auth_method=method,
                grant_types=["authorization_code", "refresh_token"],
            )
            code = world.code(person, client, scope=" ".join(metadata["scopes_supported"]))
            post = {"client_id": client.id, "client_secret": client.secret, "headers": {}}
            answer = world.token(client, code, **(post if method == "client_secret_post" else {}))
            assert answer.status == 200
            assert set(document(answer)["scope"].split()) == set(metadata["scopes_supported"])
    for name in ("request", "request_uri"):
        assert metadata[f"{name}_parameter_supported"] is False


def test_the_key_set(world):
    keys = document(world.send("GET", f"{BASE}/oauth2/jwks"))["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256", "EdDSA"}
    assert all(key["use"] == "sig" and not {"d", "p", "q", "k"} & set(key) for key in keys)
    others = document(world.send("GET", f"{issuer_of(world.acme)}/oauth2/jwks"))["keys"]
    assert not {key["kid"] for key in keys} & {key["kid"] for key in others}


@pytest.mark.parametrize("path", ["/oauth2/jwks", "/t/acme/oauth2/jwks", *SHARED, *TENANT])
def test_whoever_has_the_document_need_not_fetch_it_again(http, path):
    """RFC 9110 8.8.3, 13.1.2."""
    first = http.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = http.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), known
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["access-control-allow-origin"] == "*"
    assert http.get(path, headers={"if-none-match": '"other"'}).content == first.content


def test_the_key_set_is_read_anew_in_its_time(world, http):
    """On the event loop it is handed out while it is fresh; then a thread reads it."""
    before = http.get("/oauth2/jwks").json()["keys"]
    world.clock.advance(seconds=31)
    assert http.get("/oauth2/jwks").json()["keys"] == before


@pytest.mark.parametrize("issuer", ["", "/t/acme"])
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/oauth2/token", {"OPTIONS", "POST"}),
        ("PUT", "/oauth2/userinfo", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/oauth2/jwks", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/oauth2/introspect", {"POST"}),
        ("POST", "/.well-known/openid-configuration", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_an_oauth_error_too(http, issuer, method, path, allowed):
    answer = http.request(method, issuer + path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.json()["error"] == "invalid_request"


def test_a_slash_too_many_is_no_redirect(http):
    """It would go to the host that the request named, whatever that is."""
    assert http.get("/oauth2/jwks/", headers={"host": "evil.example"}).status_code == 404

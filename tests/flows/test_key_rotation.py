"""Master keys and data keys are replaced while everything goes on; secrets that were planted come out nowhere."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from idbroker.app import build_services
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.keys.master import CannotOpen
from idbroker.settings import Settings
from idbroker.worker import each_tenant
from tests.support.clock import TestClock
from tests.support.databases import Stores, sqlite_urls
from tests.support.whole import Fetcher, SamlTenant, Whole

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def owners(whole: Whole) -> list[Any]:
    return [PLATFORM_TRAIL, *(scope.tenant for scope in each_tenant(whole.services.database))]


def sign_in_and_use(whole: Whole, tenant: SamlTenant) -> None:
    assert tenant.sign_in(whole.at("192.0.2.9")).status_code == 303
    assert whole.client.get("/oauth2/jwks").json()["keys"]


def test_the_master_key_is_replaced_without_an_end(stores: Stores, clock: TestClock) -> None:
    before = Whole(stores.urls, clock, master_key=OLD)
    acme, other = SamlTenant(before, "acme"), SamlTenant(before, "other")
    sign_in_and_use(before, acme)
    between = Whole(stores.urls, clock, master_key=f"{NEW},{OLD}")
    rewrapping = between.services.rewrapping
    count = rewrapping.left(owners(between))
    assert count >= 3
    first = next(iter(rewrapping.rewrap(owners(between))))  # and it is killed here
    assert first.moved == 1
    assert rewrapping.left(owners(between)) == count - 1
    acme.whole = other.whole = between
    sign_in_and_use(between, acme)
    assert sum(one.moved for one in rewrapping.rewrap(owners(between))) == count - 1
    assert (rewrapping.left(owners(between)), [one.lost for one in rewrapping.rewrap(owners(between))]) == (0, [0, 0, 0])
    for whole in (before, between):  # who has opened a key goes on, whoever wrapped it since
        acme.whole = whole
        sign_in_and_use(whole, acme)
    after = Whole(stores.urls, clock, master_key=NEW)
    acme.whole = other.whole = after
    sign_in_and_use(after, acme)
    sign_in_and_use(after, other)
    for whole in (before, between, after):
        whole.close()


def test_a_key_that_no_master_opens_is_counted_and_stops_nobody(stores: Stores, clock: TestClock) -> None:
    before = Whole(stores.urls, clock, master_key=OLD)
    before.tenant("acme")
    before.close()
    services = build_services(
        Settings(
            database_url=stores.urls.database,
            database_owner_url=stores.urls.owner,
            master_key=NEW,
            public_url="https://b.example",
        ),
        clock=clock,
        fetcher=Fetcher(),
    )
    found = list(services.rewrapping.rewrap(scope.tenant for scope in each_tenant(services.database)))
    assert [(one.moved, one.lost) for one in found] == [(0, 1)]
    services.close()


def test_a_tenant_s_data_key_is_replaced_without_an_end(stores: Stores, clock: TestClock) -> None:
    whole = Whole(stores.urls, clock)
    acme = SamlTenant(whole, "acme")
    second = Whole(stores.urls, clock)
    sign_in_and_use(whole, acme)
    scope = whole.scope(acme.id)
    envelope = whole.services.envelope
    with whole.services.database.tenant(scope) as unit:
        old = envelope.seal(unit, "test", b"before")
    assert whole.services.rewrapping.new_data_key(scope.tenant) == 2
    with whole.services.database.tenant(scope) as unit:
        new = envelope.seal(unit, "test", b"after")
    assert (old[1:5], new[1:5]) == ((1).to_bytes(4, "big"), (2).to_bytes(4, "big"))
    for services in (whole.services, second.services):
        with services.database.tenant(scope, read_only=True) as unit:
            assert (services.envelope.open(unit, "test", old), services.envelope.open(unit, "test", new)) == (
                b"before",
                b"after",
            )
            with pytest.raises(CannotOpen):
                services.envelope.open(unit, "other", new)
    for one in (whole, second):
        acme.whole = one
        sign_in_and_use(one, acme)
    assert [event["context"]["generation"] for event in whole.events(acme.id, "tenant.key_rotated")] == [2]
    whole.close()
    second.close()


def test_planted_secrets_come_out_nowhere(tmp_path: Path, clock: TestClock, capfd: pytest.CaptureFixture[str]) -> None:
    """What was handed in or out as a secret is in no answer but the one, no log, no event, no export, and no file in clear."""
    whole = Whole(sqlite_urls(tmp_path), clock)
    acme = SamlTenant(whole, "acme")
    planted = "PLANTED-client-secret-0123456789"
    body = {
        "type": "oidc",
        "name": "Planted",
        "issuer": "https://op.example",
        "client_id": "x",
        "client_secret": planted,
        "status": "test",
    }
    whole.provider_at("https://op.example")
    answer = whole.send("POST", "/tenants/acme/connections", body, headers={"idempotency-key": "k"})
    assert answer.status_code == 201, answer.text
    key = whole.key(acme.id)
    app = whole.api("POST", "/apps", {"name": "App", "redirect_uris": ["https://app.example/cb"]})
    directory = whole.api("POST", "/tenants/acme/directories", {"name": "Okta"})
    token = whole.api("POST", f"/tenants/acme/directories/{directory['id']}/tokens", {})["token"]
    secrets = [planted, key[-24:], app["client_secret"], token, whole.operator[-24:]]
    for secret in secrets:  # presented in every wrong place
        whole.client.get("/api/v1/tenants/acme", headers={"authorization": f"Bearer {secret}"})
        whole.client.post("/oauth2/token", data={"grant_type": "client_credentials", "client_id": "x", "client_secret": secret})
        whole.client.post("/oauth2/revoke", data={"token": secret}, auth=("x", secret))
        whole.client.post(
            f"/saml/{acme.connection['id']}/acs", data={"SAMLResponse": base64.b64encode(secret.encode()).decode()}
        )
    acme.sign_in(whole.at("192.0.2.9"))
    whole.services.trail.seal_all()
    told = [
        whole.send("GET", f"/tenants/acme/{what}").text
        for what in ("connections", "directories", "sessions", "users", "audit-events", "audit-events/export?format=csv")
    ]
    told += [whole.send("GET", what).text for what in ("/apps", "/audit-events", "/api-keys")]
    whole.close()
    out = capfd.readouterr()
    for secret in secrets:
        assert not [text[:200] for text in told if secret in text], secret
        assert secret not in out.out + out.err
        for file in tmp_path.glob("*.db*"):
            assert secret.encode() not in file.read_bytes(), (secret, file.name)

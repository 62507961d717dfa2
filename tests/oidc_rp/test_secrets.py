"""A connection's client secret over its life: told of ahead, changed in place or through a candidate, never shown."""

from __future__ import annotations

from idbroker.connections.certificate_watch import CertificateWatch
from idbroker.doctor import _certificates
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from tests.support.oidc_op import CLIENT_ID, DemoClient, body
from tests.support.world import OPERATOR


def test_it_is_told_of_and_never_shown(there):
    changed = there.api("PATCH", there.here, {"client_secret": "n3w-secret", "client_secret_expires_at": "2026-12-10"})
    assert changed["client_secret_expires_at"] == "2026-12-10T23:59:59.000Z"
    assert "n3w-secret" not in str(changed)
    watch = CertificateWatch(there.database, there.services.connections)
    watch.look(TenantScope(TenantId(there.tenant), OPERATOR))
    [event] = there.events("connection.client_secret_expiring")
    assert event["context"] == {"expires_at": "2026-12-10T23:59:59.000Z", "days": 30}
    assert "n3w-secret" not in str(there.events("connection.updated"))
    ends = [check.says for check in _certificates(there.services) if check.name == "client secret"]
    assert ends == ["acme, Acme IdP: ends 2026-12-10"]


def test_a_new_secret_is_tried_before_it_counts(there):
    there.sign_in(there.browser())
    made = there.api(
        "POST", f"{there.here}/candidates", {"client_secret": "n3w-secret", "client_secret_expires_at": "2028-01-31"}
    )
    assert "n3w-secret" not in str(made)
    known = there.op.clients[CLIENT_ID]
    there.op.clients[CLIENT_ID] = DemoClient(known.redirect_uris, "n3w-secret")
    assert there.answered(there.begin(there.browser())).status_code in (403, 502)
    there.api("POST", f"{there.here}/candidates/{made['id']}/promote", {})
    there.sign_in(there.browser())
    there.api("POST", f"{there.here}/rollback", {})
    assert there.answered(there.begin()).status_code == 502


def test_a_secret_that_has_ended_is_named_as_the_cause(there):
    there.api("PATCH", there.here, {"client_secret": "s3cret", "client_secret_expires_at": "2026-11-01"})
    there.fetcher.changes["/token"] = body({"error": "invalid_client"}, status=401)
    there.answered(there.begin())
    reference = there.events("sign_in.refused")[0]["context"]["reference"]
    report = there.api("GET", f"/tenants/acme/diagnoses/{reference}")["report"]
    [failed] = [finding for finding in report["findings"] if finding["outcome"] == "fail"]
    assert failed["check"] == "token_endpoint.client"
    assert failed["advice"].startswith("The client secret has expired on 2026-11-01.")


def test_null_takes_the_end_away_and_a_number_is_refused(there):
    there.api("PATCH", there.here, {"client_secret_expires_at": "2026-12-10T12:00:00Z"})
    assert there.api("PATCH", there.here, {"client_secret_expires_at": None})["client_secret_expires_at"] is None
    refused = there.api("PATCH", there.here, {"client_secret_expires_at": 5}, status=422)
    assert refused["errors"][0]["pointer"] == "/client_secret_expires_at"


def test_keys_roll_over_through_the_admin_api(there):
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "begin"})
    path = f"/oidc/{there.connection['id']}/jwks"
    published = there.client.get(path)
    assert published.headers["cache-control"] == "public, max-age=300"
    assert published.headers["content-type"].startswith("application/jwk-set+json")
    [key] = published.json()["keys"]
    switched = there.api("PATCH", there.here, {"token_endpoint_auth_method": "private_key_jwt"})
    assert [one["kid"] for one in switched["rp"]["keys"]] == [key["kid"]]
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "begin"})
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "begin"}, status=409)
    assert len(there.client.get(path).json()["keys"]) == 2
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "finish"})
    assert [one["kid"] for one in there.client.get(path).json()["keys"]] != [key["kid"]]
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "cancel"}, status=409)
    assert there.browser().get("/oidc/con_00000000000000000000000000/jwks").status_code == 404

"""Making and changing streams: what is refused, what is shown, who may, and what a tier includes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idbroker.outbound.fetcher import Fetched
from tests.streams.trailing import URL, make, tell
from tests.support.admin_world import AdminWorld
from tests.support.receivers import unreachable

SECRETS = ("token-that-is-secret", "Bearer header-that-is-secret", "whsec_c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2hvd24=")
HEC = {"type": "splunk_hec", "url": "https://hec.example", "token": SECRETS[0]}
HTTPS = {"url": URL, "authorization": SECRETS[1], "secret": SECRETS[2]}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["/url"]),
    ({"type": "gelf"}, ["/type"]),
    ({"url": "http://siem.example"}, ["/url"]),
    ({"url": "https://user:pw@siem.example"}, ["/url"]),
    ({"url": "file:///etc/passwd"}, ["/url"]),
    ({"url": URL, "token": "x"}, ["/token"]),
    ({"url": URL, "secret": "whsec_short"}, ["/secret"]),
    ({"url": URL, "secret": "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2hvd24="}, ["/secret"]),
    ({"url": URL, "authorization": "a\r\nhost: evil"}, ["/authorization"]),
    ({"url": URL, "name": "a\u0007"}, ["/name"]),
    ({"url": URL, "start": 5}, ["/start"]),
    ({"url": URL, "shoe_size": 43}, ["/shoe_size"]),
    ({"type": "splunk_hec", "url": URL}, ["/token"]),
    ({"type": "splunk_hec", "url": URL, "token": "x", "index": "../_cluster"}, ["/index"]),
    ({"type": "datadog", "api_key": "x", "site": "evil.example"}, ["/site"]),
    ({"type": "datadog", "api_key": "x", "tags": ["a,b"]}, ["/tags/0"]),
    ({"type": "elastic", "url": URL, "index": "a/_bulk?x"}, ["/index"]),
    ({"type": "elastic", "url": URL, "username": "u"}, ["/password"]),
    ({"type": "elastic", "url": URL, "username": "u", "password": "p", "api_key": "k"}, ["/api_key"]),
    ({"type": "elastic", "url": URL, "username": "u:v", "password": "p"}, ["/username"]),
    ({"type": "syslog"}, ["/host"]),
    ({"type": "syslog", "host": "log.example:6514"}, ["/host"]),
    ({"type": "syslog", "host": "log..example"}, ["/host"]),
    ({"type": "syslog", "host": "log.example\n"}, ["/host"]),
    ({"type": "syslog", "host": "log.example", "port": 0}, ["/port"]),
    ({"type": "syslog", "host": "log.example", "facility": 24}, ["/facility"]),
    ({"type": "syslog", "host": "log.example", "app_name": "a b"}, ["/app_name"]),
    ({"type": "syslog", "host": "log.example", "ca_certificates": PEM}, ["/ca_certificates"]),
    ({"type": "syslog", "host": "log.example", "ca_certificates": "nonsense"}, ["/ca_certificates"]),
]  # fmt: skip


def test_what_cannot_be_made(quick: AdminWorld) -> None:
    where = f"/tenants/{quick.tenant('acme')}/log-streams"
    for body, pointers in WRONG:
        answer = quick.send("POST", where, body)
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, pointers), body
    assert quick.get(where)["data"] == []


def test_secrets_are_never_shown_nor_told(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    answers = [quick.send("POST", f"/tenants/{tenant}/log-streams", body) for body in (HEC, HTTPS)]
    assert [one.status_code for one in answers] == [201, 201]
    assert [one.json()["secrets"] for one in answers] == [["token"], ["authorization", "secret"]]
    where = f"/tenants/{tenant}/log-streams/{answers[1].json()['id']}"
    changed = quick.send("PATCH", where, {"authorization": "Bearer another-secret"})
    quick.receivers.answers[URL] = Fetched(URL, 200, {}, b"ok")
    tested = quick.send("POST", f"{where}/test")
    seen = [*answers, changed, tested, quick.send("GET", where), quick.send("GET", f"/tenants/{tenant}/log-streams")]
    texts = [one.text for one in seen] + [json.dumps(quick.sealed(tenant))]
    for secret in (*SECRETS, "another-secret"):
        assert not any(secret in text for text in texts), secret
    with quick.stores.main.engine.connect() as connection:
        dump = str(connection.exec_driver_sql("SELECT settings, secret_names, secrets_sealed FROM log_streams").fetchall())
    assert not any(secret in dump for secret in SECRETS)


def test_to_another_receiver_the_secrets_must_be_known(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    hec, https = (quick.post(f"/tenants/{tenant}/log-streams", body) for body in (HEC, HTTPS))
    where = f"/tenants/{tenant}/log-streams"
    stolen = quick.send("PATCH", f"{where}/{hec['id']}", {"url": "https://mallory.example"})
    assert (stolen.status_code, stolen.json()["errors"][0]["pointer"]) == (422, "/token")
    stolen = quick.send("PATCH", f"{where}/{https['id']}", {"url": "https://mallory.example"})
    assert (stolen.status_code, stolen.json()["errors"][0]["pointer"]) == (422, "/authorization")
    moved = quick.send("PATCH", f"{where}/{https['id']}", {"url": "https://b.example", "authorization": None})
    assert (moved.status_code, moved.json()["secrets"]) == (200, ["secret"])
    moved = quick.send("PATCH", f"{where}/{hec['id']}", {"url": "https://b.example", "token": "new"})
    assert (moved.status_code, moved.json()["url"]) == (200, "https://b.example")
    for wrong in ({"type": "https"}, {"start": "beginning"}, {"token": None}, {"secret": "x"}, {"url": None}, {"host": "x"}):
        assert quick.send("PATCH", f"{where}/{hec['id']}", wrong).status_code == 422, wrong


def test_what_a_change_tells(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    hec = quick.post(f"/tenants/{tenant}/log-streams", HEC)
    where = f"/tenants/{tenant}/log-streams/{hec['id']}"
    quick.send("PATCH", where, {"name": "SIEM", "index": "security", "token": "other"})
    quick.send("PATCH", where, {"name": "SIEM"})
    quick.send("PATCH", where, {"index": None, "status": "disabled"})
    second, first = quick.sealed(tenant, action="log_stream.updated")
    assert first["changes"] == {
        "index": {"before": None, "after": "security"},
        "name": {"before": "Splunk", "after": "SIEM"},
        "secrets": {"before": None, "after": "changed"},
    }
    assert second["changes"] == {
        "index": {"before": "security", "after": None},
        "status": {"before": "active", "after": "disabled"},
    }


def test_the_test_is_plainly_one_and_in_no_trail(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    stream = make(quick, tenant)
    where = f"/tenants/{tenant}/log-streams/{stream['id']}/test"
    tested = quick.post(where, status=200)
    (got,) = quick.receivers.received
    (record,) = got.event["records"]
    assert (tested["delivered"], tested["status"], tested["answer"]) == (True, 200, "so it is")
    assert (record["id"], record["action"], record["sequence"]) == (tested["record_id"], "log_stream.test", 0)
    assert record["context"]["test"] is True
    quick.receivers.answers[URL] = unreachable()
    failed = quick.post(where, status=200)
    assert (failed["delivered"], failed["error"]) == (False, "The other server did not answer in time.")
    told = quick.sealed(tenant)
    assert [one["context"]["outcome"] for one in told if one["action"] == "log_stream.tested"] == ["failed", "delivered"]
    assert not [one for one in told if one["action"] == "log_stream.test"]
    shown = quick.get(f"/tenants/{tenant}/log-streams/{stream['id']}")["health"]
    assert (shown["failures"], shown["delivered"]) == (0, 0), "a test is no delivery"


@pytest.mark.parametrize(("tier", "most"), [("free", 0), ("growth", 2)])
def test_a_tier_includes_so_many(quick: AdminWorld, tier: str, most: int) -> None:
    tenant = quick.tenant("acme")
    made = [make(quick, tenant) for _ in range(3)]  # in trial everything works
    assert quick.send("PATCH", f"/tenants/{tenant}", {"tier": tier}).status_code == 200
    quick.post(f"/tenants/{tenant}/transitions", {"to": "active", "reason": "paid"}, status=200)
    where = f"/tenants/{tenant}/log-streams"
    refused = quick.send("POST", where, {"url": URL})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")
    for stream in made:
        assert quick.send("PATCH", f"{where}/{stream['id']}", {"status": "disabled"}).status_code == 200
    going = [quick.send("PATCH", f"{where}/{one['id']}", {"status": "active"}).status_code for one in made]
    assert going == [200] * most + [403] * (3 - most)
    again = [quick.send("POST", f"{where}/{one['id']}/resume", {}).status_code for one in made]
    assert again == [200] * most + [403] * (3 - most)
    for stream in made[most:] if most else made[:1]:
        assert quick.send("DELETE", f"{where}/{stream['id']}").status_code == 204


def test_who_may(quick: AdminWorld) -> None:
    acme, globex = quick.tenant("acme"), quick.tenant("globex")
    stream = make(quick, acme)
    where = f"/tenants/{acme}/log-streams"
    calls = [
        ("GET", where, None), ("POST", where, {"url": URL}), ("GET", f"{where}/{stream['id']}", None),
        ("PATCH", f"{where}/{stream['id']}", {"name": "x"}), ("POST", f"{where}/{stream['id']}/test", None),
        ("POST", f"{where}/{stream['id']}/resume", {}), ("DELETE", f"{where}/{stream['id']}", None),
    ]  # fmt: skip
    foreign, member, guest, admin = (
        quick.key(globex), quick.key(acme, "member"), quick.key(acme, "guest"), quick.key(acme, "admin")
    )  # fmt: skip
    for method, path, body in calls:
        assert quick.send(method, path, body, key=foreign).status_code == 404, (method, path)
        assert quick.send(method, path, body, key=guest).status_code == 403, (method, path)
        assert quick.send(method, path, body, key=member).status_code == (200 if method == "GET" else 403), (method, path)
        own = path.replace(acme, globex)
        expected = {"GET": (200, 404), "POST": (201, 404), "PATCH": (404,), "DELETE": (404,)}[method]
        assert quick.send(method, own, body, key=foreign).status_code in expected, (method, own)
    assert [quick.send(method, path, body, key=admin).status_code for method, path, body in calls] == [
        200, 201, 200, 200, 200, 200, 204,
    ]  # fmt: skip
    tell(quick, acme, "usr_1")
    quick.streams.run_due()
    bodies = [got.event for got in quick.receivers.received]
    assert all(one["tenant_id"] == body["tenant_id"] for body in bodies for one in body["records"])

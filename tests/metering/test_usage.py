"""What is used is recorded once, rolled up by day, shown to the tenant alone, and told to the biller once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from idbroker.audit.following import Followers
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM
from idbroker.metering.counts import UsageCounts
from idbroker.metering.following import count_connections, count_sign_ins
from idbroker.metering.meters import METERS
from idbroker.metering.model import Usage, record
from idbroker.metering.stripe import URL, StripeExporter
from idbroker.sessions.service import Beginning
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, urls_for
from tests.support.people import Person, make_person
from tests.support.races import at_once
from tests.support.receivers import Receivers, unreachable
from tests.support.whole import SamlTenant, Whole

STRIPE = {"sign_ins": "sign_in", "monthly_active_users": "mau"}
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture(scope="module", params=ENGINES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    urls = urls_for(request.param, tmp_path_factory.mktemp("usage"), request)
    made = Whole(urls, TestClock(), address_per_minute=100_000)
    yield made
    made.close()


def sign_in(whole: Whole, tenant: str, name: str) -> Person:
    return make_person(whole.services, whole.scope(tenant), f"{name}@{tenant[4:14]}.example")


def again(whole: Whole, tenant: str, person: Person) -> None:
    with whole.services.database.tenant(whole.scope(tenant)) as unit:
        whole.services.sessions.start(unit, Beginning(person.id, "con_x", unit.clock.now(), (), None, {}, None))


def counted(whole: Whole) -> None:
    whole.services.trail.seal_all()
    whole.services.usage.flush()
    while count_sign_ins(whole.services.database):
        pass


def totals(whole: Whole, tenant: str, **query: str) -> dict[str, int]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    shown = whole.api("GET", f"/tenants/{tenant}/usage?{asked}")
    return {meter: number for meter, number in shown["totals"].items() if number}


def test_sign_ins_and_active_people(whole: Whole) -> None:
    tenant, other = whole.tenant("signers", "enterprise"), whole.tenant("others", "enterprise")
    ann, _ = sign_in(whole, tenant, "ann"), sign_in(whole, tenant, "ben")
    again(whole, tenant, ann)
    sign_in(whole, other, "eve")
    counted(whole)
    assert totals(whole, tenant) == {"sign_ins": 3, "monthly_active_users": 2}
    assert totals(whole, other) == {"sign_ins": 1, "monthly_active_users": 1}
    again(whole, tenant, ann)
    counted(whole)
    counted(whole)  # nothing new, nothing more
    assert totals(whole, tenant) == {"sign_ins": 4, "monthly_active_users": 2}
    month = whole.clock.now().date().isoformat()[:7]
    assert whole.api("GET", f"/tenants/{tenant}/usage")["months"] == {month: 2}
    whole.clock.advance(seconds=32 * 86_400)
    again(whole, tenant, ann)
    counted(whole)
    assert totals(whole, tenant) == {"sign_ins": 1, "monthly_active_users": 1}  # of the last thirty days
    other_month = whole.clock.now().date().isoformat()[:7]
    assert whole.api("GET", f"/tenants/{tenant}/usage")["months"] == {month: 2, other_month: 1}
    whole.clock.advance(days=5)
    again(whole, tenant, ann)
    counted(whole)
    day = whole.clock.now().date().isoformat()
    assert totals(whole, tenant, since=day) == {"sign_ins": 1}
    assert whole.api("GET", f"/tenants/{tenant}/usage?since={day}")["months"] == {other_month: 1}, "of the whole month"
    since = (whole.clock.now() - timedelta(days=60)).date().isoformat()
    assert totals(whole, tenant, since=since) == {"sign_ins": 6, "monthly_active_users": 3}


def test_a_follower_that_begins_again_counts_nothing_twice(whole: Whole) -> None:
    """As after a kill between two databases: the place at home is the old one, the tenant's own is not."""
    tenant = whole.tenant("twice", "enterprise")
    with whole.services.database.platform(SYSTEM, read_only=True) as platform:
        before = platform[Followers].position("metering")
    sign_in(whole, tenant, "ann")
    counted(whole)
    with whole.services.database.platform(SYSTEM) as platform:
        platform[Followers].lock("metering").position = before
    sign_in(whole, tenant, "ben")
    counted(whole)
    assert totals(whole, tenant) == {"sign_ins": 2, "monthly_active_users": 2}


def test_tokens_and_scim_are_counted_where_they_are_answered(whole: Whole) -> None:
    tenant = whole.tenant("requests", "enterprise")
    machine = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"}
    app = whole.api("POST", "/apps", {"name": "M", **machine})
    form = {"grant_type": "client_credentials", "tenant": "requests"}
    form |= {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    for _ in range(3):
        assert whole.client.post("/oauth2/token", data=form).status_code == 200
    assert whole.client.post("/oauth2/token", data={**form, "client_secret": "x"}).status_code == 401
    directory = whole.api("POST", f"/tenants/{tenant}/directories", {"name": "D"})["id"]
    token = whole.api("POST", f"/tenants/{tenant}/directories/{directory}/tokens", {})["token"]
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    whole.client.get("/scim/v2/Users", headers=headers)
    whole.client.get("/scim/v2/Users", headers={"authorization": "Bearer wrong"})
    made = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"schemas": [USER], "userName": name}} for name in "ab"
    ]
    bulk = {"schemas": [BULK], "Operations": made}
    assert whole.client.post("/scim/v2/Bulk", json=bulk, headers=headers).status_code == 200
    counted(whole)
    assert totals(whole, tenant) == {"token_issues": 3, "scim_operations": 3}
    counted(whole)
    assert totals(whole, tenant) == {"token_issues": 3, "scim_operations": 3}


def test_connections_are_counted_at_their_peak(whole: Whole) -> None:
    tenant = SamlTenant(whole, "peaks", "enterprise")
    scope, where = whole.scope(tenant.id), f"/tenants/{tenant.id}/connections"
    count_connections(whole.services.database, scope)
    second = whole.api("POST", where, {"type": "saml", "name": "2", "metadata_xml": tenant.idp.metadata()})
    assert count_connections(whole.services.database, scope) == 1
    whole.api("DELETE", f"{where}/{second['id']}")
    assert count_connections(whole.services.database, scope) == 0
    assert totals(whole, tenant.id) == {"active_connections": 2}
    whole.clock.advance(seconds=86_400)
    count_connections(whole.services.database, scope)
    assert [one["quantity"] for one in whole.api("GET", f"/tenants/{tenant.id}/usage")["data"]] == [2, 1]


def test_records_count_once_whoever_writes_them_at_one_moment(whole: Whole) -> None:
    tenant = whole.tenant("racers", "enterprise")

    def write(number: int) -> bool:
        with whole.services.database.tenant(whole.scope(tenant)) as unit:
            return record(unit, "sign_ins", "2026-11-01", 5, f"key-{number % 2}")

    made = at_once(6, write)
    assert sorted(str(one) for one in made) == ["False"] * 4 + ["True"] * 2
    with whole.services.database.tenant(whole.scope(tenant), read_only=True) as unit:
        row = unit[Usage].day("2026-11-01", "sign_ins")
        assert row is not None
        assert row.quantity == 10


def test_what_cannot_be_written_waits_with_its_key(whole: Whole) -> None:
    tenant = whole.tenant("waiting", "enterprise")
    counts = UsageCounts(whole.services.database, whole.clock)
    real = whole.services.database.tenant
    counts.count(TenantId(tenant), "token_issues", 7)

    def away(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the database is away")

    whole.services.database.tenant = away  # type: ignore[method-assign]
    try:
        assert counts.flush() == 0
    finally:
        whole.services.database.tenant = real  # type: ignore[method-assign]
    counts.count(TenantId(tenant), "token_issues", 2)
    assert counts.flush() == 2
    assert totals(whole, tenant) == {"token_issues": 9}


def test_csv_records_and_spans(whole: Whole) -> None:
    tenant = whole.tenant("readers", "enterprise")
    sign_in(whole, tenant, "ann")
    counted(whole)
    answer = whole.send("GET", f"/tenants/{tenant}/usage?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    shown = whole.api("GET", f"/tenants/{tenant}/usage")["data"]
    assert [{**row, "quantity": int(row["quantity"])} for row in rows] == shown
    assert shown[0]["idempotency_key"] == f"{tenant}:{shown[0]['meter']}:{shown[0]['day']}"
    first = whole.api("GET", f"/tenants/{tenant}/usage/records?limit=1")
    rest = whole.api("GET", f"/tenants/{tenant}/usage/records?cursor={first['next_cursor']}")
    keys = [one["idempotency_key"] for one in (*first["data"], *rest["data"])]
    assert len(keys) == len(set(keys)) == 2
    backwards = "since=2026-11-02&until=2026-11-01"
    for wrong in ("since=x", "since=2026-13-01", "until=2026-1-1", backwards, "since=2020-01-01", "format=exe"):
        assert whole.send("GET", f"/tenants/{tenant}/usage?{wrong}").status_code == 422, wrong
    assert whole.send("GET", f"/tenants/{tenant}/usage/records?cursor=zzz").status_code == 422


def test_who_may_see_it(whole: Whole) -> None:
    tenant, other = whole.tenant("mine", "enterprise"), whole.tenant("theirs", "enterprise")
    member, guest, owner = (whole.key(tenant, role) for role in ("member", "guest", "owner"))
    assert whole.send("GET", f"/tenants/{tenant}/usage", key=member).status_code == 200
    assert whole.send("GET", f"/tenants/{tenant}/usage", key=guest).status_code == 403
    for path in ("usage", "usage/records", "usage/customer", "usage/reconciliation"):
        assert whole.send("GET", f"/tenants/{other}/{path}", key=owner).status_code == 404
    for path in ("customer", "reconciliation"):
        assert whole.send("GET", f"/tenants/{tenant}/usage/{path}", key=owner).status_code == 403


def test_stripe_is_told_once_of_each_day_and_what_comes_late_as_the_difference(whole: Whole) -> None:
    tenant, receivers = whole.tenant("billed", "enterprise"), Receivers()
    exporter = StripeExporter(whole.services.database, receivers, "sk_test", STRIPE)
    scope, today = whole.scope(tenant), whole.clock.now().date().isoformat()

    def used(quantity: int, key: str, meter: str = "sign_ins") -> None:
        with whole.services.database.tenant(scope) as unit:
            record(unit, meter, today, quantity, key)

    def reported() -> tuple[dict[str, Any], dict[str, Any]]:
        report = whole.api("GET", f"/tenants/{tenant}/usage/reconciliation")
        return report, {one["meter"]: one for one in report["data"]}

    used(5, "a")
    used(9, "t", "token_issues")  # a meter that is not told
    assert exporter.run(scope) == 0  # no customer
    whole.api("PUT", f"/tenants/{tenant}/usage/customer", {"customer": "cus_1"})
    assert exporter.run(scope) == 0  # the day is not over
    whole.clock.advance(seconds=26 * 3600)
    receivers.answers[URL] = unreachable()
    assert exporter.run(scope) == 0
    receivers.answers[URL] = 200
    used(2, "late, after the attempt")
    # Exactly what the attempt said, which may have arrived; then the rest.
    assert [exporter.run(scope) for _ in range(3)] == [1, 1, 0]
    sent = [dict(parse_qsl(one.body.decode())) for one in receivers.received]
    assert [one["payload[value]"] for one in sent] == ["5", "5", "2"]
    assert sent[0] == sent[1]
    assert sent[1]["identifier"] != sent[2]["identifier"]
    assert {(one["payload[stripe_customer_id]"], one["event_name"]) for one in sent} == {("cus_1", "sign_in")}
    assert {one.headers["authorization"] for one in receivers.received} == {"Bearer sk_test"}
    assert receivers.received[0].headers["idempotency-key"] == sent[0]["identifier"]
    report, rows = reported()
    assert (rows["sign_ins"]["recorded"], rows["sign_ins"]["sent"], rows["sign_ins"]["difference"]) == (7, 7, 0)
    assert (report["customer"], report["differences"], rows["token_issues"]["sent"]) == ("cus_1", 0, 0)
    used(4, "later still")
    receivers.answers[URL] = 400
    assert exporter.run(scope) == 0
    report, rows = reported()
    assert report["differences"] == 1
    assert (rows["sign_ins"]["difference"], rows["sign_ins"]["error"]) == (4, "Stripe answered 400.")
    whole.api("PUT", f"/tenants/{tenant}/usage/customer", {"customer": None})
    assert exporter.run(scope) == 0


def test_every_meter_is_shown(whole: Whole) -> None:
    assert set(whole.api("GET", f"/tenants/{whole.tenant('all', 'enterprise')}/usage")["totals"]) == set(METERS)

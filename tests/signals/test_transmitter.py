"""An independent receiver manages streams, is pushed and polls: SSF 1.0, RFC 8417, 8935, 8936 as they are written."""

from __future__ import annotations

from typing import Any

import pytest

from idbroker.directory.model import Group, Groups, RoleMapping, RoleMappings, Users
from idbroker.directory.people import People
from idbroker.kernel.event import Change
from idbroker.kernel.ids import new_id
from idbroker.outbound.fetcher import Fetched
from idbroker.provisioning.standing import deactivate, reactivate
from idbroker.signals.model import SignalStreams
from idbroker.signals.office import TYPE
from idbroker.webhooks.turn import PARK_AFTER
from tests.signals.conftest import SignalWorld
from tests.support.receivers import unreachable
from tests.support.signal_receiver import CAEP, EVERYTHING, POLL, PUSH, RISC, SSF, event_of
from tests.support.whole import BASE

DELETED = {"account-purged", "session-revoked"}


def names(found: dict[str, Any]) -> list[str]:
    return [event_of(claims)[0] for claims in found.values()]


def test_the_configuration_is_where_the_specification_looks_for_it(world: SignalWorld) -> None:
    tenant = world.tenant()
    issuer = f"{BASE}/t/{world.slug(tenant)}"
    for receiver in (world.receiver(world.app(tenant)), world.receiver(world.app(tenant), issuer=issuer)):
        found = receiver.metadata
        assert found["spec_version"] == "1_0"
        assert found["delivery_methods_supported"] == [PUSH, POLL]
        assert {"spec_urn": "urn:ietf:rfc:6749"} in found["authorization_schemes"]
        assert found["default_subjects"] == "ALL"
        assert all(found[name].startswith(f"{receiver.issuer}/") for name in found if name.endswith(("_endpoint", "_uri")))
    assert world.whole.client.get("/.well-known/ssf-configuration/t/nobody").status_code == 404


def test_a_session_that_ends_reaches_the_polling_app_and_is_taken_once(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    stream = receiver.stream()
    assert stream["events_delivered"] == stream["events_supported"] == EVERYTHING
    person = world.person(tenant)
    world.end(tenant, person)
    world.deliver()
    ((jti, claims),) = receiver.poll(stream).items()
    assert event_of(claims)[0] == "session-revoked"
    assert event_of(claims)[1]["initiating_entity"] == "admin"
    assert event_of(claims)[1]["reason_admin"] == {"en": "ended_by_admin"}
    assert event_of(claims)[1]["event_timestamp"] == int(world.whole.clock.now().timestamp())
    assert claims["sub_id"] == {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": BASE, "sub": person.id},
        "session": {"format": "opaque", "id": person.session},
        "tenant": {"format": "opaque", "id": tenant},
    }
    assert list(receiver.poll(stream)) == [jti]  # not acknowledged yet: the same again
    assert receiver.poll(stream, ack=[jti]) == {}
    assert receiver.poll(stream) == {}


def test_every_kind_of_event_with_its_own_claims(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    stream, person = receiver.stream(), world.person(tenant)
    services, scope = world.whole.services, world.whole.scope(tenant)
    with services.database.tenant(scope) as unit:
        group = Group(tenant_id=tenant, id=new_id("grp"), display_name="Staff", source="con_x", created_at=unit.clock.now())
        unit[Groups].add(group)
        unit[Groups].join(person.id, group.id)
        unit[RoleMappings].add(
            RoleMapping(
                tenant_id=tenant, id=new_id("rlm"), group_name="Staff", role="editor", app="", created_at=unit.clock.now()
            )
        )
    world.tell(tenant, "group.member_added", group.id, user_id=person.id)
    with services.database.tenant(scope) as unit:
        user = unit[Users].get(person.id)
        assert user is not None
        user.email = "new@acme.example"
    world.tell(tenant, "user.updated", person.id, {"email": Change(person.email, "new@acme.example")})
    for off in (True, False):
        with services.database.tenant(scope) as unit:
            held = unit[People].held(person.id)
            assert held is not None
            if off:
                deactivate(unit, services.sessions, held)
            else:
                reactivate(unit, held)
    passed_on = {"credential_type": "fido2-roaming", "change_type": "create"}
    world.tell(tenant, "user.credential_changed", person.id, signal=passed_on)
    level = {"namespace": "NIST-AAL", "current_level": "nist-aal2"}
    world.tell(tenant, "user.assurance_changed", person.id, signal=level)
    with services.database.tenant(scope) as unit:
        user = unit[Users].get(person.id)
        assert user is not None
    world.tell(tenant, "user.deleted", person.id)
    world.deliver()
    found = receiver.poll(stream)
    told = [event_of(claims) for claims in found.values()]
    assert [name for name, _ in told] == [
        "token-claims-change", "token-claims-change", "identifier-changed", "session-revoked", "account-disabled",
        "account-enabled", "credential-change", "assurance-level-change", "account-purged",
    ]  # fmt: skip
    assert told[0][1]["claims"] == {"groups": ["Staff"], "roles": ["editor"]}
    assert told[1][1]["claims"] == {"email": "new@acme.example"}
    assert told[2][1] == {"new-value": "new@acme.example"}
    subjects = [claims["sub_id"] for claims in found.values()]
    assert subjects[2] == {"format": "email", "email": person.email}
    assert subjects[4] == {"format": "iss_sub", "iss": BASE, "sub": person.id}
    assert told[6][1] == passed_on
    assert told[7][1] == level
    assert {claims["tenant_id"] for claims in found.values()} == {tenant}
    assert len({claims["txn"] for claims in found.values()}) == 8  # a change of address is one cause of two signals


@pytest.mark.parametrize("form", ["iss_sub", "email", "opaque"])
def test_persons_are_named_as_the_stream_wants(world: SignalWorld, form: str) -> None:
    tenant = world.tenant()
    receiver, person = world.receiver(world.app(tenant)), world.person(tenant)
    stream = receiver.stream(format=form)
    world.end(tenant, person)
    world.deliver()
    (claims,) = receiver.poll(stream).values()
    expected = {"iss_sub": {"iss": BASE, "sub": person.id}, "email": {"email": person.email}, "opaque": {"id": person.id}}
    assert claims["sub_id"]["user"] == {"format": form, **expected[form]}


def test_a_pushed_app_gets_each_set_once_with_its_header(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver, url = world.receiver(world.app(tenant)), f"https://{tenant}.example/push"
    receiver.stream(url, header="Bearer of the app")
    world.receivers.answers[url] = receiver.endpoint("Bearer of the app")
    person = world.person(tenant)
    world.end(tenant, person)
    assert world.deliver() == 1
    (claims,) = receiver.seen.values()
    assert event_of(claims)[0] == "session-revoked"
    assert world.deliver() == 0


@pytest.mark.parametrize(
    ("answer", "error", "tried"),
    [(503, "", 2), (400, "invalid_key", 2), (400, "authentication_failed", 2), (400, "invalid_request", 1), (302, "", 2)],
)
def test_a_push_that_fails_is_tried_again_unless_it_can_never_work(
    world: SignalWorld, answer: int, error: str, tried: int
) -> None:
    tenant = world.tenant()
    receiver, url = world.receiver(world.app(tenant)), f"https://{tenant}.example/push"
    receiver.stream(url)
    body = b'{"err": "%s", "description": "no"}' % error.encode() if error else b""
    world.receivers.answers[url] = Fetched(url, answer, {}, body)
    world.end(tenant, world.person(tenant))
    assert world.deliver() == 1
    assert world.deliver() == 0  # not at once
    world.receivers.answers[url] = receiver.endpoint()
    world.whole.clock.advance(seconds=60)
    renewed(receiver)
    world.deliver()
    assert len([one for one in world.receivers.received if one.url == url]) == tried
    assert len(receiver.seen) == tried - 1


def renewed(receiver: Any) -> None:
    """Tokens of the receiver outlast no test that lets time pass."""
    receiver.__post_init__()


def test_a_receiver_that_only_fails_is_paused_told_so_and_goes_on_when_it_says(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver, url = world.receiver(world.app(tenant)), f"https://{tenant}.example/push"
    stream = receiver.stream(url)
    world.receivers.answers[url] = unreachable()
    with world.whole.services.database.tenant(world.whole.scope(tenant)) as unit:
        row = unit[SignalStreams].get(stream["stream_id"])
        assert row is not None
        row.failures = PARK_AFTER - 2
    for _ in range(2):
        world.tell(tenant, "user.deactivated", new_id("usr"))
        world.deliver()
        world.whole.clock.advance(seconds=4400)
    renewed(receiver)
    status = receiver.call("GET", receiver.metadata["status_endpoint"], stream_id=stream["stream_id"]).json()
    assert status["status"] == "paused"
    assert status["reason"]
    assert [event["changes"]["status"]["after"] for event in world.whole.events(tenant, "signal_stream.status_changed")] == [
        "paused"
    ]
    world.receivers.answers[url] = receiver.endpoint()
    world.end(tenant, world.person(tenant))
    world.deliver()
    assert names(receiver.seen) == ["stream-updated"]  # the stream's own word goes out; what waits does not
    world.end(tenant, world.person(tenant))
    body = {"stream_id": stream["stream_id"], "status": "enabled"}
    assert receiver.call("POST", receiver.metadata["status_endpoint"], body).json() == body
    world.deliver()
    assert "session-revoked" in names(receiver.seen)


def test_a_paused_stream_holds_and_a_disabled_one_drops(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    stream = receiver.stream()

    def set_status(status: str) -> None:
        body = {"stream_id": stream["stream_id"], "status": status, "reason": "maintenance"}
        answer = receiver.call("POST", receiver.metadata["status_endpoint"], body)
        assert answer.json() == body
        assert receiver.call("GET", receiver.metadata["status_endpoint"], stream_id=stream["stream_id"]).json() == body

    set_status("paused")
    world.end(tenant, world.person(tenant))
    world.deliver()
    assert receiver.poll(stream) == {}
    set_status("enabled")
    found = receiver.poll(stream)
    assert names(found) == ["session-revoked"]
    receiver.poll(stream, ack=list(found))
    set_status("disabled")
    world.end(tenant, world.person(tenant))
    world.deliver()
    set_status("enabled")
    world.deliver()
    assert receiver.poll(stream) == {}


def test_verification_comes_back_with_the_state(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    stream = receiver.stream(events=[CAEP + "session-revoked"])
    body = {"stream_id": stream["stream_id"], "state": "as agreed"}
    assert receiver.call("POST", receiver.metadata["verification_endpoint"], body).status_code == 204
    again = receiver.call("POST", receiver.metadata["verification_endpoint"], body)
    assert (again.status_code, stream["min_verification_interval"]) == (429, 30)
    (claims,) = receiver.poll(stream).values()
    assert claims["events"] == {f"{SSF}verification": {"state": "as agreed"}}
    assert claims["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}


def test_what_was_not_asked_for_does_not_come(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    stream = receiver.stream(events=[RISC + "account-disabled", "urn:example:unknown"])
    assert stream["events_requested"] == [RISC + "account-disabled", "urn:example:unknown"]
    assert stream["events_delivered"] == [RISC + "account-disabled"]
    world.end(tenant, world.person(tenant))
    world.deliver()
    assert receiver.poll(stream) == {}


def test_streams_are_read_changed_replaced_and_removed(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    place = receiver.metadata["configuration_endpoint"]
    assert receiver.call("GET", place).json() == []
    stream = receiver.stream(description="ours")
    assert receiver.call("GET", place).json() == [stream]
    assert receiver.call("GET", place, stream_id=stream["stream_id"]).json() == stream
    name = {"stream_id": stream["stream_id"]}
    changed = receiver.call("PATCH", place, {**name, "events_requested": [CAEP + "session-revoked"]}).json()
    assert changed == {**stream, "events_requested": [CAEP + "session-revoked"], "events_delivered": [CAEP + "session-revoked"]}
    assert receiver.call("PATCH", place, {**changed, "description": "new"}).json()["description"] == "new"
    for wrong in ({"aud": "another"}, {"iss": "https://evil.example"}, {"events_delivered": []}, {"events_supported": []}):
        assert receiver.call("PATCH", place, {**name, **wrong}).status_code == 400
    pushed = {"method": PUSH, "endpoint_url": "https://app.example/push", "authorization_header": "secret"}
    replaced = receiver.call("PUT", place, {**name, "delivery": pushed}).json()
    assert replaced["delivery"] == {"method": PUSH, "endpoint_url": "https://app.example/push"}
    assert (replaced["events_requested"], "description" in replaced) == ([], False)
    assert receiver.call("DELETE", place, **name).status_code == 204
    assert receiver.call("GET", place, **name).status_code == 404
    assert receiver.call("DELETE", place, **name).status_code == 404


def test_a_stream_without_delivery_is_polled(world: SignalWorld) -> None:
    receiver = world.receiver(world.app(world.tenant()))
    made = receiver.call("POST", receiver.metadata["configuration_endpoint"], {}).json()
    assert made["delivery"] == {"method": POLL, "endpoint_url": f"{BASE}/ssf/streams/{made['stream_id']}/poll"}


@pytest.mark.parametrize(
    "body",
    [
        {"delivery": {"method": "urn:example:smoke"}},
        {"delivery": "push"},
        {"delivery": {"method": PUSH}},
        {"delivery": {"method": PUSH, "endpoint_url": "http://app.example/push"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://u:p@app.example/push"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://app.example/", "authorization_header": "a\r\nx: y"}},
        {"events_requested": "all"},
        {"events_requested": [1]},
        {"description": {}},
        {"format": "did"},
        {"format": ["email"]},
        {"format": {"email": 1}},
    ],
)
def test_what_makes_no_stream(world: SignalWorld, body: dict[str, Any]) -> None:
    receiver = world.receiver(world.app(world.tenant()))
    answer = receiver.call("POST", receiver.metadata["configuration_endpoint"], body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_subjects_taken_off_and_put_on_again(world: SignalWorld) -> None:
    tenant = world.tenant()
    receiver = world.receiver(world.app(tenant))
    stream = receiver.stream()
    quiet, other = world.person(tenant), world.person(tenant)
    add, remove = receiver.metadata["add_subject_endpoint"], receiver.metadata["remove_subject_endpoint"]
    by_email = {"stream_id": stream["stream_id"], "subject": {"format": "email", "email": quiet.email.upper()}}
    assert receiver.call("POST", remove, by_email).status_code == 204
    world.end(tenant, quiet)
    world.end(tenant, other)
    world.deliver()
    found = receiver.poll(stream)
    assert [claims["sub_id"]["user"]["sub"] for claims in found.values()] == [other.id]
    receiver.poll(stream, ack=list(found))
    assert receiver.call("POST", add, by_email).status_code == 200
    world.tell(tenant, "user.deactivated", quiet.id)
    world.deliver()
    found = receiver.poll(stream)
    assert names(found) == ["account-disabled"]
    receiver.poll(stream, ack=list(found))
    whole = {"format": "complex", "tenant": {"format": "opaque", "id": tenant}}
    assert receiver.call("POST", remove, {**by_email, "subject": whole}).status_code == 204
    world.tell(tenant, "user.deactivated", other.id)
    world.deliver()
    assert receiver.poll(stream) == {}
    for wrong in (
        None,
        {},
        {"format": "did", "url": "x"},
        {"format": "email"},
        {"format": "complex", "device": by_email["subject"]},
    ):
        assert receiver.call("POST", remove, {**by_email, "subject": wrong}).status_code == 400
    nobody = {"format": "email", "email": "nobody@elsewhere.example"}
    assert (
        receiver.call("POST", add, {**by_email, "subject": nobody}).status_code == 200
    )  # whether anybody is there is not told


def test_polls_are_bounded_and_errors_are_kept(world: SignalWorld) -> None:
    tenant = world.tenant()
    app = world.app(tenant)
    receiver = world.receiver(app)
    stream = receiver.stream()
    for _ in range(3):
        world.tell(tenant, "user.deactivated", world.person(tenant).id)
    world.deliver()
    url = stream["delivery"]["endpoint_url"]
    first = receiver.call("POST", url, {"maxEvents": 2, "returnImmediately": True}).json()
    assert (len(first["sets"]), first["moreAvailable"]) == (2, True)
    assert receiver.call("POST", url, {"maxEvents": 0}).json() == {"sets": {}, "moreAvailable": True}
    good, bad = first["sets"]
    errors = {bad: {"err": "invalid_request", "description": "cannot be read"}}
    rest = receiver.poll(stream, ack=[good, "set_of_nobody"], setErrs=errors)
    assert len(rest) == 1
    receiver.poll(stream, ack=list(rest))
    assert receiver.poll(stream) == {}
    for wrong in (
        {"maxEvents": -1},
        {"maxEvents": "1"},
        {"ack": "x"},
        {"setErrs": []},
        {"returnImmediately": 1},
        {"maxEvents": True},
    ):
        assert receiver.call("POST", url, wrong).status_code == 400
    kept = world.whole.api("GET", f"/signal-streams/{stream['stream_id']}/sets")["data"]
    assert [one["status"] for one in kept if one["id"] == bad] == ["dead"]
    assert "cannot be read" in str([one["tries"] for one in kept if one["id"] == bad])


def test_nobody_reaches_what_is_not_his(world: SignalWorld) -> None:
    """Other apps, other tenants, other issuers, other scopes: the stream is not there, or the token is not good."""
    tenant, other = world.tenant(), world.tenant()
    app = world.app(tenant, other)
    mine = world.receiver(app, tenant=tenant)
    stream = mine.stream()
    issuer = f"{BASE}/t/{world.slug(tenant)}"
    strangers = [
        world.receiver(app, tenant=other),
        world.receiver(app),
        world.receiver(app, issuer=issuer),
        world.receiver(world.app(tenant)),
    ]
    for stranger in strangers:
        found = stranger.metadata
        name = {"stream_id": stream["stream_id"]}
        assert stranger.call("GET", found["configuration_endpoint"]).json() == []
        answers = [
            stranger.call("GET", found["configuration_endpoint"], **name),
            stranger.call("DELETE", found["configuration_endpoint"], **name),
            stranger.call("PATCH", found["configuration_endpoint"], name),
            stranger.call("PUT", found["configuration_endpoint"], name),
            stranger.call("GET", found["status_endpoint"], **name),
            stranger.call("POST", found["status_endpoint"], {**name, "status": "disabled"}),
            stranger.call("POST", found["verification_endpoint"], name),
            stranger.call("POST", found["remove_subject_endpoint"], {**name, "subject": {"format": "opaque", "id": "x"}}),
            stranger.call("POST", f"{stranger.issuer}/ssf/streams/{stream['stream_id']}/poll", {}),
        ]
        unknown = stranger.call("GET", found["configuration_endpoint"], stream_id="str_" + "0" * 26)
        assert [answer.status_code for answer in answers] == [404] * 9
        assert answers[0].json() == unknown.json()
    reader = world.receiver(app, tenant=tenant, scope="ssf.read")
    assert reader.call("GET", reader.metadata["configuration_endpoint"], stream_id=stream["stream_id"]).status_code == 200
    refused = reader.call("POST", reader.metadata["configuration_endpoint"], {})
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert "insufficient_scope" in refused.headers["www-authenticate"]
    other_issuer = world.receiver(app, issuer=issuer)
    other_issuer.token = mine.token
    assert other_issuer.call("GET", other_issuer.metadata["configuration_endpoint"]).status_code == 401
    other_issuer.token = "nonsense"
    assert other_issuer.call("GET", other_issuer.metadata["configuration_endpoint"]).status_code == 401
    assert world.whole.client.get(mine.metadata["configuration_endpoint"]).status_code == 401


def test_a_token_for_another_api_opens_nothing(world: SignalWorld) -> None:
    tenant = world.tenant()
    app = world.app(tenant, resources=["https://api.example"])
    receiver = world.receiver(app)
    form = {
        "grant_type": "client_credentials", "scope": "ssf.manage", "resource": "https://api.example",
        "client_id": app["client_id"], "client_secret": app["client_secret"],
    }  # fmt: skip
    receiver.token = world.whole.client.post("/oauth2/token", data=form).json()["access_token"]
    assert receiver.call("GET", receiver.metadata["configuration_endpoint"]).status_code == 401


def test_each_app_hears_of_its_own_tenants_alone(world: SignalWorld) -> None:
    one, two, three = world.tenant(), world.tenant(), world.tenant()
    app = world.app(one, two)
    everywhere, only_one = world.receiver(app), world.receiver(app, tenant=one)
    wide, narrow = everywhere.stream(), only_one.stream()
    for tenant in (one, two, three):
        world.end(tenant, world.person(tenant))
    world.deliver()
    assert [claims["tenant_id"] for claims in everywhere.poll(wide).values()] == [one, two]
    assert [claims["tenant_id"] for claims in only_one.poll(narrow).values()] == [one]
    world.whole.api("PATCH", f"/apps/{app['client_id']}", {"tenants": [one]})
    assert [claims["tenant_id"] for claims in everywhere.poll(wide).values()] == [one]  # queued before, closed since
    world.end(two, world.person(two))
    world.deliver()
    assert [claims["tenant_id"] for claims in everywhere.poll(wide).values()] == [one]


def test_what_may_not_be_told_any_more_holds_up_no_poll(world: SignalWorld) -> None:
    one, two, three = world.tenant(), world.tenant(), world.tenant()
    app = world.app(one, two)
    receiver = world.receiver(app)
    stream = receiver.stream()
    for tenant in (one, one, two):
        world.end(tenant, world.person(tenant))
    world.deliver()
    world.whole.api("PATCH", f"/apps/{app['client_id']}", {"tenants": [two, three]})
    answer = receiver.call("POST", stream["delivery"]["endpoint_url"], {"maxEvents": 1, "returnImmediately": True}).json()
    assert (len(answer["sets"]), answer["moreAvailable"]) == (1, False)
    kept = world.whole.api("GET", f"/signal-streams/{stream['stream_id']}/sets")["data"]
    assert sorted(one["status"] for one in kept) == ["dead", "dead", "pending"]
    assert [claims["tenant_id"] for claims in receiver.poll(stream).values()] == [two]


def test_a_stream_stays_its_apps_when_the_app_comes_down_to_one_tenant(world: SignalWorld) -> None:
    one, two = world.tenant(), world.tenant()
    app, url = world.app(one, two), f"https://{one}.example/push"
    polled, pushed = world.receiver(app).stream(), world.receiver(app).stream(url)
    world.whole.api("PATCH", f"/apps/{app['client_id']}", {"tenants": [two]})
    receiver = world.receiver(app)
    world.receivers.answers[url] = receiver.endpoint()
    world.end(two, world.person(two))
    world.deliver()
    assert [claims["tenant_id"] for claims in receiver.poll(polled).values()] == [two]
    place = receiver.metadata["configuration_endpoint"]
    fresh = receiver.stream()
    listed = [found["stream_id"] for found in receiver.call("GET", place).json()]
    assert listed == [polled["stream_id"], pushed["stream_id"], fresh["stream_id"]]
    for stream in (polled, pushed, fresh):
        name = {"stream_id": stream["stream_id"]}
        assert receiver.call("PATCH", place, {**name, "description": "mine"}).json()["description"] == "mine"
        assert receiver.call("DELETE", place, **name).status_code == 204
    assert receiver.call("GET", place).json() == []


def test_a_tenants_own_issuer_signs_its_streams(world: SignalWorld) -> None:
    tenant = world.tenant()
    app = world.app(tenant)
    receiver = world.receiver(app, issuer=f"{BASE}/t/{world.slug(tenant)}")
    polled, url = receiver.stream(), f"https://{tenant}.example/push"
    receiver.stream(url)
    world.receivers.answers[url] = receiver.endpoint()
    person = world.person(tenant)
    world.end(tenant, person)
    assert world.deliver() == 1
    (claims,) = receiver.poll(polled).values()
    assert claims["sub_id"]["user"]["iss"] == receiver.issuer
    assert len(receiver.seen) == 2


def test_an_app_that_is_gone_hears_nothing_and_its_streams_go(world: SignalWorld) -> None:
    tenant = world.tenant()
    app, url = world.app(tenant), f"https://{tenant}.example/push"
    receiver = world.receiver(app)
    stream = receiver.stream(url)
    world.end(tenant, world.person(tenant))
    world.whole.api("DELETE", f"/apps/{app['client_id']}")
    world.deliver()
    assert [one for one in world.receivers.received if one.url == url] == []
    assert receiver.call("GET", receiver.metadata["configuration_endpoint"]).status_code == 401
    world.dispatcher.forget(world.whole.clock.now() - world.whole.clock.now())
    assert world.whole.send("GET", f"/signal-streams/{stream['stream_id']}").status_code == 404


def test_there_is_an_end_to_streams(world: SignalWorld) -> None:
    receiver = world.receiver(world.app(world.tenant()))
    for _ in range(10):
        receiver.stream()
    assert receiver.call("POST", receiver.metadata["configuration_endpoint"], {}).status_code == 409


def test_the_media_type_is_that_of_the_specification() -> None:
    assert TYPE == "application/secevent+jwt"

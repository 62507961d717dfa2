"""A tenant with one of everything, made through repositories: what isolation tests try to reach from another tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idbroker.access.admin_roles import AdminRole, AdminRoles
from idbroker.access.kept_answers import KeptAnswers
from idbroker.admins.setup_links import SetupLink, SetupLinks
from idbroker.admins.tenant_admins import TenantAdmin, TenantAdmins
from idbroker.alerts.model import Alert, AlertCursors, AlertRecipients, Alerts
from idbroker.audit.feed import Feed, FeedOrder, Told
from idbroker.audit.heads import AuditHead
from idbroker.audit.notary import Notary
from idbroker.audit.outbox import Outbox
from idbroker.audit.records import AuditPersonal, AuditRecords
from idbroker.audit.trail import Trail, TrailHeads
from idbroker.connections.alias_rows import AcsAliases
from idbroker.connections.candidate_rows import (
    Candidates,
    ConnectionCandidate,
    PreviousConfiguration,
    PreviousConfigurations,
)
from idbroker.connections.model import Connection, Connections, Domain, Domains
from idbroker.connections.notice_rows import ConnectionNotices
from idbroker.connections.refresh_rows import MetadataRefreshes
from idbroker.connections.reservations import ConnectionReservation
from idbroker.directories.brakes import Deactivations
from idbroker.directories.lists import Part, Place, Walks
from idbroker.directories.model import Directories, Directory, DirectoryToken, DirectoryTokens
from idbroker.directories.requests import TrafficCounts
from idbroker.directories.resources import Resources
from idbroker.directories.traffic_rows import DirectoryRequest
from idbroker.directory.group_rows import GroupRow
from idbroker.directory.members import GroupMembers, NewMember
from idbroker.directory.model import Group, Groups, Identities, Identity, RoleMapping, RoleMappings, User, Users
from idbroker.directory.nesting import GroupLink
from idbroker.directory.people import Person
from idbroker.erasure.receipts import PersonErasure, PersonErasures
from idbroker.kernel.clock import last_days
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import digest
from idbroker.keys.envelope import Envelope, TenantKeys
from idbroker.keys.master import LocalMasterKeys
from idbroker.keys.person_keys import PersonKey, PersonKeyRows
from idbroker.keys.signing import SigningKeyRing, SigningKeys
from idbroker.keys.trail_keys import TrailKey, TrailKeyRing, TrailKeys
from idbroker.login.diagnosis_rows import Diagnoses, Diagnosis
from idbroker.login.replay import SeenReplies, SeenReply
from idbroker.login.trial_rows import TrialSignIn, TrialSignIns
from idbroker.metering.model import Usage, UsageExport, UsageExports, note_active
from idbroker.metering.model import record as record_usage
from idbroker.outbound_scim.model import ScimPush, ScimQueue
from idbroker.provisioning.signalled import SwitchedOff
from idbroker.sessions.handles import Handle
from idbroker.sessions.jti import RevokedTokens
from idbroker.sessions.model import AuthorizationCode, AuthorizationCodes, Session, Sessions
from idbroker.sessions.refresh import RefreshFamilies, RefreshFamily
from idbroker.sessions.revocations import LogoutDelivery, LogoutDue, Revocations
from idbroker.signals.model import (
    SignalSet,
    SignalSets,
    SignalStream,
    SignalStreams,
    SignalSubject,
    SignalSubjects,
)
from idbroker.signals.sources import SignalSource, SignalSources
from idbroker.signals.vocabulary import PUSH
from idbroker.storage.unit import TenantUnit
from idbroker.streams.model import LogStream, LogStreams, LogStreamTurn
from idbroker.survey.model import Concerns
from idbroker.tenants.service import TenantService
from idbroker.webhooks.model import (
    Webhook,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookQueue,
    Webhooks,
    WebhookSecret,
)
from tests.support.databases import Stores

OPERATOR = Actor(type="operator", name="test")
MASTER_KEY = b"0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class World:
    """A tenant's scope, the values that name its things (by parameter name), and its rows."""

    scope: TenantScope
    names: dict[str, Any]
    rows: dict[str, Any]


def make_tenant(stores: Stores, slug: str) -> TenantScope:
    with stores.main.platform(OPERATOR) as unit:
        tenant = TenantService(Envelope(LocalMasterKeys([MASTER_KEY]))).create(unit, slug=slug, name=slug.title(), tier="free")
    return TenantScope(tenant.tenant_id, OPERATOR)


def trail_keys(stores: Stores) -> TrailKeyRing:
    return TrailKeyRing(stores.main, Envelope(LocalMasterKeys([MASTER_KEY])), stores.main.clock)


def make_world(stores: Stores, slug: str) -> World:
    scope = make_tenant(stores, slug)
    SigningKeyRing(stores.main, Envelope(LocalMasterKeys([MASTER_KEY])), stores.main.clock).verifiers(scope.tenant)
    trail = Trail(stores.main, stores.audit)
    trail.seal(scope.tenant)
    with stores.main.platform(OPERATOR) as platform:
        positions = platform[FeedOrder].take(1)
    notary = Notary(stores.main, trail, trail_keys(stores))
    notary.sign(scope.tenant)
    with stores.main.tenant(scope) as unit:
        rows = _fill(unit, scope.tenant, slug)
        unit[Feed].append([Told(f"evt_{slug}", "user.created", f"usr_{slug}", unit.clock.now(), "{}")], positions)
    with stores.audit.tenant(scope) as unit:
        text = f"alice@{slug}.example"
        unit.session.add(AuditPersonal(tenant_id=scope.tenant, sequence=1, item=0, person_id=f"usr_{slug}", text=text))
        record = next(unit[AuditRecords].walk())
        rows["AuditHeads"] = AuditHead(tenant_id=scope.tenant, number=9, kind="head", size=9, hash="9", peaks=[], document="{}")
    names = {
        "user_id": f"usr_{slug}",
        "user_ids": [f"usr_{slug}"],
        "leaving": [f"adm_{slug}"],
        "up_to": 1,
        "event_ids": [f"evt_{slug}"],
        **_scim_names(stores.main.clock.now(), slug),
        "email": f"alice@{slug}.example",
        "connection_id": f"con_{slug}",
        "subject": f"subject-{slug}",
        "group_id": f"grp_{slug}",
        "group_ids": [f"grp_{slug}"],
        "names": [f"Group {slug}"],
        "source": f"con_{slug}",
        "directory_id": f"dir_{slug}",
        "mapping_id": f"rlm_{slug}",
        "domain_id": f"dom_{slug}",
        "name": f"{slug}.example",
        "session_id": f"ses_{slug}",
        "session_ids": [f"ses_{slug}"],
        "person_digest": digest(f"person-{slug}"),
        "session_digests": [digest(f"idp-session-{slug}")],
        "client_id": "app_1",
        "digest": digest(f"code-{slug}"),
        "access_token_id": f"jti-{slug}",
        "family_id": f"fam_{slug}",
        "token_id": f"revoked-{slug}",
        "reason": "test",
        "families": 1,
        "delivery_id": f"lgd_{slug}",
        "pauses": (10,),
        "status": "confirmed",
        "error": "test",
        "candidate_id": f"can_{slug}",
        "reference": f"REF-{slug}",
        "test_id": f"tst_{slug}",
        "seen": unit.clock.now() + timedelta(hours=1),
        "span": timedelta(hours=1),
        "before": None,
        "keep": 0,
        "step": 1,
        "part": Part("User"),
        "place": Place("User", ""),
        "of": 10,
        "level": 7,
        "outcome": "passed",
        "code": None,
        "sealed": b"other",
        "key": f"reply-{slug}",
        "key_digest": digest(f"code-{slug}"),
        "request_digest": "other",
        "until": unit.clock.now() + timedelta(minutes=5),
        "generation": 1,
        "wrapped": b"other",
        "algorithm": "RS256",
        "ids": [record["id"], rows["outbox"]],
        "limit": 100,
        "set_id": f"set_{slug}",
        "stream_ids": [f"lst_{slug}"],
        "is_complex": False,
        "digests": [digest(f"code-{slug}")],
        "due_at": unit.clock.now(),
        "meter": "sign_ins",
        "day": "2026-11-21",
        "quantity": 1,
        "month": "2026-11",
        "first": "2026-11-01",
        "last_day": "2026-11-30",
        "biller": "stripe",
        "erasure_id": f"ers_{slug}",
        "urls": [f"https://{slug}.example/acs"],
        "customer": "cus_other",
        "event_id": f"evt_{slug}",
        "webhook_id": f"whk_{slug}",
        "stream_id": f"lst_{slug}",
        "app_id": "app_1",
        "noun": "user",
        "resource_id": f"usr_{slug}",
        "push": ScimPush(
            tenant_id=scope.tenant,
            app_id="app_1",
            kind="user",
            resource_id=f"usr_{slug}",
            position=0,
            due_at=stores.main.clock.now(),
            give_up_at=stores.main.clock.now(),
        ),
        "again": True,
        "webhook_ids": [f"whk_{slug}"],
        "position": 0,
        "places": [0],
        "positions": [-1],
        "told": [Told(f"evt_{slug}", "user.created", f"usr_{slug}", unit.clock.now(), "{}")],
        "types": None,
        "after": None,
        "batch": 10,
        "alert_id": f"alr_{slug}",
        "statuses": ["open"],
        "emails": ["mallory@evil.example"],
        "action": "tenant.created",
        "at_most": 10,
        "due": unit.clock.now(),
        "sequence": 99,
        "record_id": record["id"],
        "records": [(record, "{}", unit.clock.now())],
        "personal": {},
        "person_id": f"usr_{slug}",
        "found": [(f"usr_{slug}", digest(f"person-{slug}"), b"")],
        "marks": [digest(f"person-{slug}")],
        "kind": "User",
        "head_kind": "head",
        "alert_kind": "head",
        "size": 1,
        "number": 1,
        "head_hash": "0" * 64,
        "horizon": unit.clock.now() + timedelta(days=1),
        "last": 100,
        "behind": 0,
        "at": unit.clock.now(),
        "wanted": {("certificate", f"con_{slug}"): (unit.clock.now(), 1)},
        "admin_id": f"adm_{slug}",
        "role_id": f"rol_{slug}",
        "role_name": f"role-{slug}",
        "role": f"role-{slug}",
        "lock": True,
        "link_id": f"lnk_{slug}",
        "handle": Handle(scope.tenant, f"code-{slug}"),
        "actions": ["user.created"],
        "since": unit.clock.now() - timedelta(days=1),
        "days": last_days(unit.clock.now(), 3),
        "active": True,
        "indexed": False,
        "text": None,
        "live": False,
        "event": Event("user.created", Resource("user", f"usr_{slug}")),
    }
    return World(scope, names, rows)


def _fill(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    now = unit.clock.now()
    user = User(tenant_id=tenant, id=f"usr_{slug}", email=f"alice@{slug}.example", source="jit", created_at=now, updated_at=now)
    unit[Users].add(user)
    identity = Identity(
        tenant_id=tenant, connection_id=f"con_{slug}", subject=f"subject-{slug}", user_id=user.id, created_at=now
    )
    unit[Identities].add(identity)
    group = Group(tenant_id=tenant, id=f"grp_{slug}", display_name=f"Group {slug}", source=f"con_{slug}", created_at=now)
    unit[Groups].add(group)
    unit[Groups].join(user.id, group.id)
    mapping = RoleMapping(tenant_id=tenant, id=f"rlm_{slug}", group_name=f"Group {slug}", role="editor", app="", created_at=now)
    unit[RoleMappings].add(mapping)
    domain = Domain(tenant_id=tenant, id=f"dom_{slug}", name=f"{slug}.example", status="verified", token="t", created_at=now)
    unit[Domains].add(domain)
    unit[Domains].index(domain)
    connection = Connection(
        tenant_id=tenant, id=f"con_{slug}", type="saml", name="IdP", vendor="generic", status="active", settings={},
        secrets_sealed=b"", options={}, attribute_mapping={}, routing_domains=[], warnings=[], created_at=now, updated_at=now,
    )  # fmt: skip
    unit[Connections].add(connection)
    session = Session(
        tenant_id=tenant, id=f"ses_{slug}", user_id=user.id, connection_id=connection.id, secret_digest="d",
        upstream_person_digest=digest(f"person-{slug}"), upstream_session_digest=digest(f"idp-session-{slug}"),
        authenticated_at=now, amr=[], started_at=now, last_seen_at=now, expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    unit[Sessions].add(session)
    unit[Sessions].note_app(session.id, "app_1")
    code = AuthorizationCode(
        tenant_id=tenant, digest=digest(f"code-{slug}"), session_id=session.id, client_id="app_1", grant={},
        expires_at=now + timedelta(minutes=1), access_token_id=f"jti-{slug}",
    )  # fmt: skip
    unit[AuthorizationCodes].add(code)
    family = RefreshFamily(
        tenant_id=tenant, id=f"fam_{slug}", session_id=session.id, user_id=user.id, client_id="app_1", grant={},
        seed_sealed=b"", generation=0, started_at=now, rotated_at=now, idle_expires_at=now + timedelta(days=1),
        expires_at=now + timedelta(days=1),
    )  # fmt: skip
    unit[RefreshFamilies].add(family)
    unit[Revocations].note(user.id, "test", session_id=session.id)
    delivery = LogoutDelivery(
        tenant_id=tenant, id=f"lgd_{slug}", revocation_id=f"rev_{slug}", session_id=session.id, user_id=user.id,
        client_id="app_1", issuer="https://broker.example.com",
    )  # fmt: skip
    unit.session.add(delivery)
    unit.session.add(LogoutDue(tenant_id=tenant, delivery_id=delivery.id, due_at=now))
    unit[KeptAnswers].claim(digest(f"code-{slug}"), "r")
    kept = unit[KeptAnswers].get(digest(f"code-{slug}"))
    unit[RevokedTokens].add(f"revoked-{slug}", now + timedelta(minutes=5))
    unit[SeenReplies].claim(connection.id, f"reply-{slug}", now + timedelta(minutes=5))
    trail_key = TrailKey(tenant_id=tenant, generation=1, kid=f"kid_{slug}", private_sealed=b"", document="{}", created_at=now)
    unit[TrailKeys].add(trail_key)
    person_key = PersonKey(tenant_id=tenant, id=f"usr_{slug}", mark=digest(f"person-{slug}"), sealed=b"", created_at=now)
    unit[PersonKeyRows].add(person_key)
    alert = Alert(
        tenant_id=tenant, id=f"alr_{slug}", kind="head", subject=f"subject-{slug}", summary="s", details={}, opened_at=now,
        last_at=now, mail_due_at=now,
    )  # fmt: skip
    unit[Alerts].add(alert)
    unit[AlertRecipients].replace([f"admin@{slug}.example"])
    unit[AlertCursors].move(0, 1)
    waiting = unit[Outbox].record(Event("user.created", Resource("user", user.id)))
    beside = {
        **_beside_the_connection(unit, tenant, slug),
        **_administration(unit, tenant, slug),
        **_webhook(unit, tenant, slug),
        **_stream(unit, tenant, slug),
        **_signals(unit, tenant, slug),
        **_usage(unit, tenant, slug),
        **_erasure(unit, tenant, slug),
    }
    return {
        **beside,
        **_directory(unit, tenant, slug),
        "Users": user, "Identities": identity, "Groups": group, "RoleMappings": mapping, "Domains": domain,
        "Connections": connection, "Sessions": session, "AuthorizationCodes": code, "RefreshFamilies": family,
        "outbox": waiting, "Alerts": alert, "KeptAnswers": kept, "TrailKeys": trail_key,
        "PersonKeyRows": person_key,
        "SigningKeys": unit[SigningKeys].all("RS256")[0], "TenantKeys": unit[TenantKeys].newest(),
        "TrailHeads": unit[TrailHeads].get(), "SeenReplies": unit.session.get(
            SeenReply, (tenant, connection.id, digest(f"reply-{slug}"))
        ),
    }  # fmt: skip


def _webhook(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    now, webhook_id = unit.clock.now(), f"whk_{slug}"
    row = Webhook(tenant_id=tenant, id=webhook_id, url=f"https://{slug}.example/hook", created_at=now, updated_at=now)
    unit[Webhooks].add(row)
    unit.session.add(WebhookSecret(tenant_id=tenant, webhook_id=webhook_id, id=f"key_{slug}", sealed=b"x", created_at=now))
    unit.session.add(WebhookQueue(webhook_id=webhook_id, tenant_id=tenant, events=["*"], after_position=0))
    delivery = WebhookDelivery(
        tenant_id=tenant, id=f"whd_{slug}", webhook_id=webhook_id, event_id=f"evt_{slug}", event_tenant=tenant,
        type="user.created", subject=f"usr_{slug}", position=0, due_at=now, give_up_at=now, created_at=now,
    )  # fmt: skip
    unit[WebhookDeliveries].add(delivery)
    push = ScimPush(
        tenant_id=tenant, app_id="app_1", kind="user", resource_id=f"usr_{slug}", position=0, due_at=now, give_up_at=now,
        status="done", remote_id=f"remote-{slug}",
    )  # fmt: skip
    unit.session.add(push)
    unit.session.add(ScimQueue(tenant_id=tenant, app_id="app_1", due_at=now))
    return {"Webhooks": row, "WebhookDeliveries": delivery, "ScimPushes": push}


def _stream(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    now = unit.clock.now()
    row = LogStream(
        tenant_id=tenant, id=f"lst_{slug}", type="https", name="SIEM", settings={"url": f"https://{slug}.example"},
        secret_names=[], secrets_sealed=b"", cursor=0, created_at=now, updated_at=now,
    )  # fmt: skip
    unit[LogStreams].add(row)
    unit.session.add(LogStreamTurn(tenant_id=tenant, stream_id=row.id, due_at=now))
    return {"LogStreams": row}


def _signals(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    now = unit.clock.now()
    row = SignalStream(
        tenant_id=tenant, id=f"lst_{slug}", app_id="app_1", pinned=False, method=PUSH, endpoint_url=f"https://{slug}.example",
        events_requested=[], created_at=now, updated_at=now,
    )  # fmt: skip
    unit[SignalStreams].add(row, 0)
    one = SignalSet(
        tenant_id=tenant, id=f"set_{slug}", stream_id=row.id, event_tenant=tenant, subject=f"usr_{slug}", type="t", position=0,
        control=False, claims={}, due_at=now, give_up_at=now, created_at=now,
    )  # fmt: skip
    unit[SignalSets].add(one)
    subject = SignalSubject(
        tenant_id=tenant, stream_id=row.id, digest=digest(f"code-{slug}"), subject={}, is_complex=False, created_at=now
    )
    unit[SignalSubjects].add(subject)
    source = SignalSource(
        tenant_id=tenant, connection_id=f"con_{slug}", enabled=True, issuer="i", jwks_uri="j", audience=["a"], created_at=now,
        updated_at=now,
    )  # fmt: skip
    unit[SignalSources].add(source)
    unit[SignalSources].plan(f"con_{slug}", now)
    unit[SwitchedOff].note(f"usr_{slug}", f"con_{slug}")
    unit.session.flush()
    off = unit[SwitchedOff].get(f"usr_{slug}")
    return {
        "SignalStreams": row, "SignalSets": row, "SignalSubjects": subject, "SignalSources": source, "SwitchedOff": off,
    }  # fmt: skip


def _usage(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    record_usage(unit, "sign_ins", "2026-11-21", 3, f"reply-{slug}")
    note_active(unit, "2026-11", f"usr_{slug}")
    unit[UsageExports].set_customer("stripe", f"cus_{slug}", "2026-11-01")
    unit[Usage].cursor("feed")
    export = UsageExport(tenant_id=tenant, day="2026-11-21", meter="sign_ins", sent=1)
    unit[UsageExports].add(export)
    return {"UsageExports": export}


def _erasure(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    erasure = PersonErasure(
        tenant_id=tenant, id=f"ers_{slug}", user_id=f"usr_gone_{slug}", requested_at=unit.clock.now(), requested_by="operator",
        owners=[], strangers=[], stores=[],
    )  # fmt: skip
    unit[PersonErasures].add(erasure)
    unit[Concerns].replace({("certificate", f"con_{slug}"): (unit.clock.now(), 1)})
    unit[AcsAliases].put(f"con_{slug}", [f"https://{slug}.example/acs"])
    return {"PersonErasures": erasure}


def _beside_the_connection(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    """What stands beside the connection: a candidate, a way back, a plan, a notice, a diagnosis, a test."""
    now, connection_id = unit.clock.now(), f"con_{slug}"
    held: dict[str, Any] = {
        "tenant_id": tenant, "connection_id": connection_id, "vendor": "generic", "settings": {}, "secrets_sealed": b"",
        "options": {}, "attribute_mapping": {}, "warnings": [],
    }  # fmt: skip
    candidate = ConnectionCandidate(**held, id=f"can_{slug}", label="", origin="refresh", content_digest="d", created_at=now)
    unit[Candidates].add(candidate)
    previous = PreviousConfiguration(**held, version=1, replaced_at=now)
    unit[PreviousConfigurations].put(previous)
    unit[MetadataRefreshes].plan(connection_id, now + timedelta(hours=1))
    unit[MetadataRefreshes].kept(connection_id)
    unit[ConnectionNotices].lower(connection_id, f"subject-{slug}", 30)
    diagnosis = Diagnosis(
        tenant_id=tenant, reference=f"REF-{slug}", connection_id=connection_id, attempt_digest="a", code="c", at=now,
        until=now + timedelta(days=7), sealed=b"",
    )  # fmt: skip
    unit[Diagnoses].add(diagnosis)
    trial = TrialSignIn(
        tenant_id=tenant, id=f"tst_{slug}", connection_id=connection_id, link_digest=digest(f"code-{slug}"), created_at=now,
        link_expires_at=now + timedelta(minutes=15), until=now + timedelta(days=7),
    )  # fmt: skip
    unit[TrialSignIns].add(trial)
    return {
        "Candidates": candidate, "PreviousConfigurations": previous, "Diagnoses": diagnosis, "TrialSignIns": trial,
    }  # fmt: skip


def _directory(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    """A directory and its token. The token bears the name of the revoked one, so that one parameter means both."""
    now = unit.clock.now()
    directory = Directory(tenant_id=tenant, id=f"dir_{slug}", name="IdP", created_at=now, updated_at=now)
    unit[Directories].add(directory)
    token = DirectoryToken(
        tenant_id=tenant, id=f"revoked-{slug}", directory_id=directory.id, prefix="scim_", secret_digest="d", scopes=[],
        created_at=now,
    )  # fmt: skip
    unit[DirectoryTokens].add(token)
    columns = {**_scim_names(now, slug)["values"], "id": f"usr_{slug}", "directory_id": directory.id, "version": 1}
    unit[Resources].insert("User", columns)
    unit[Resources].write_emails(directory.id, f"usr_{slug}", {f"alice@{slug}.example": True}, replaces=False)
    unit[GroupMembers].enter("User", f"grp_{slug}_scim", [NewMember(f"usr_{slug}")], "scim")
    unit.session.add(GroupLink(tenant_id=tenant, member_id=f"grp_{slug}_inner", group_id=f"grp_{slug}"))
    unit[Walks].put(directory.id, "walk", 1, Place("User", f"usr_{slug}"))
    unit[Deactivations].note(directory.id, f"usr_{slug}")
    request = DirectoryRequest(
        tenant_id=tenant, id=f"drq_{slug}", directory_id=directory.id, request_id="req", at=now, method="GET", path="/",
        status=200, milliseconds=1, effects=[], observations=[], sealed=b"",
    )  # fmt: skip
    unit.session.add(request)
    unit[TrafficCounts].count(directory.id, ["conditional"], ["agent"])
    return {"Directories": directory, "DirectoryTokens": token, "DirectoryRequests": request}


def _administration(unit: TenantUnit, tenant: TenantId, slug: str) -> dict[str, Any]:
    """An admin who is invited, a setup link, a reserved connection."""
    now, later = unit.clock.now(), unit.clock.now() + timedelta(hours=1)
    admin = TenantAdmin(
        tenant_id=tenant, id=f"adm_{slug}", email=f"alice@{slug}.example", role="owner",
        invitation_digest=digest(f"code-{slug}"), invitation_expires_at=later, created_at=now,
    )  # fmt: skip
    unit[TenantAdmins].add(admin)
    role = AdminRole(
        tenant_id=tenant, id=f"rol_{slug}", name=f"role-{slug}", description="", permissions=["audit:read"], created_at=now,
        updated_at=now,
    )  # fmt: skip
    unit[AdminRoles].add(role)
    link = SetupLink(
        tenant_id=tenant, id=f"lnk_{slug}", digest=digest(f"code-{slug}"), scopes=["sso"], state={}, created_at=now,
        expires_at=later,
    )  # fmt: skip
    unit[SetupLinks].add(link)
    reservation = ConnectionReservation(
        tenant_id=tenant, id=f"con_{slug}", type="saml", settings={}, secrets_sealed=b"", options={}, created_at=now
    )
    unit.session.add(reservation)
    unit.session.flush()
    return {"TenantAdmins": admin, "AdminRoles": role, "SetupLinks": link, "Reservations": reservation}


def _scim_names(now: datetime, slug: str) -> dict[str, Any]:
    """What the repositories of SCIM resources are asked with. Without a version no stranger fills a table of his own."""
    names: dict[str, Any] = {
        "kind": "User",
        "resource_id": f"usr_{slug}",
        "person": Person(
            tenant_id=f"tnt_{slug}", id=f"usr_{slug}", email=f"alice@{slug}.example", email_verified=True, user_name="alice",
            given_name=None, family_name=None, display_name=None, department=None, employee_number=None, active=True,
            source="scim", created_at=now, updated_at=now, last_sign_in_at=None, directory_id=f"dir_{slug}",
        ),
        "group": GroupRow(f"tnt_{slug}", f"grp_{slug}", f"Group {slug}", f"dir_{slug}", now, f"dir_{slug}"),
        "member_id": f"usr_{slug}",
        "directory_ids": [f"dir_{slug}"],
        "emails": [f"alice@{slug}.example"],
        "addresses": {f"alice@{slug}.example": True},
        "by_person": {f"usr_{slug}": {f"alice@{slug}.example": True}},
        "subjects": [f"subject-{slug}"],
        "replaces": True,
        "where": None,
        "offset": 0,
        "order": (),
        "walk": "walk",
        "index": 1,
        "after_id": f"usr_{slug}",
        "gone": 0,
        "members": [NewMember(f"usr_{slug}")],
        "dialect": "okta",
        "entries": [{
            "id": f"drq_{slug}", "directory_id": f"dir_{slug}", "request_id": "req", "at": now, "method": None, "path": "/",
            "status": 200, "milliseconds": 1, "user_agent": None, "effects": [], "observations": [], "sealed": b"",
        }],
        "agents": ["agent"],
        "values": {
            "id": f"usr_{slug}", "directory_id": f"dir_{slug}", "user_name_key": f"alice@{slug}.example",
            "external_id": f"{slug}.example", "display_name_key": None, "label_key": "alice", "active": True, "version": None,
            "document": "{}", "comparable": {}, "created_at": now, "modified_at": now,
        },
    }  # fmt: skip
    return {**names, "people": [names["person"]], "rows": [names["values"]]}

"""The composition root: every collaborator is made here, once, and handed over by constructor."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain

from sqlalchemy import MetaData
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.types import ASGIApp

from admin_ui.routes import STATIC as ADMIN_STATIC
from admin_ui.routes import AdminUi
from idbroker import plugins
from idbroker.admin_api.portraits import Portraitist
from idbroker.admin_api.routes import AdminApi, ScimKnowledge
from idbroker.admins.ceremony import Ceremonies, site_of
from idbroker.admins.keeping import forget_visits
from idbroker.admins.looking import Looks
from idbroker.alerts.mail import AlertMail
from idbroker.alerts.watch import AlertWatch
from idbroker.apps.service import AppService
from idbroker.audit.feed import forget_old
from idbroker.audit.notary import Notary
from idbroker.audit.retention import Retention
from idbroker.audit.trail import Trail
from idbroker.connections.candidates import CandidateService
from idbroker.connections.certificate_watch import CertificateWatch
from idbroker.connections.domain_watch import EVERY, DomainWatch
from idbroker.connections.domains import DomainService, TxtLookup
from idbroker.connections.refresh import Refresher
from idbroker.connections.service import ConnectionService
from idbroker.directories.service import DirectoryService
from idbroker.erasure.people import PersonEraser
from idbroker.erasure.tenants import TenantEraser
from idbroker.exports.document import Exporter
from idbroker.federation.contract import Protocols
from idbroker.front.account import AccountPage
from idbroker.front.routes import Front
from idbroker.front.test_sign_in import TestSignInPages
from idbroker.kernel.clock import Clock, SystemClock
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import MasterKey
from idbroker.keys.person_keys import KeptPersonKeys
from idbroker.keys.rewrap import Rewrapping
from idbroker.keys.rotation import KeyRotation
from idbroker.keys.signing import SigningKeyRing
from idbroker.keys.trail_keys import TrailKeyRing
from idbroker.limits.limiter import Limiter
from idbroker.limits.quota import with_usual_burst
from idbroker.login.diagnoses import DiagnosisKeeper
from idbroker.login.finish import Finisher
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.login.logout_address import LogoutAddresses
from idbroker.login.refusals import RefusalRecorder
from idbroker.login.reuse import SessionFinder
from idbroker.login.trials import Trials
from idbroker.metering.counts import UsageCounts
from idbroker.metering.following import count_connections, count_sign_ins
from idbroker.metering.meters import METERS, SCIM_OPERATIONS, TOKENS
from idbroker.metering.stripe import StripeExporter
from idbroker.outbound.dns import DnsTxtLookup
from idbroker.outbound.fetcher import Fetcher, GuardedFetcher, Sender
from idbroker.outbound.mail import SmtpMailer
from idbroker.outbound.tls_lines import GuardedTls
from idbroker.outbound_scim.pushing import ScimPusher
from idbroker.outbound_scim.service import OutboundScim
from idbroker.provisioning.signalled import SignalledPeople
from idbroker.sessions.clerk import LifeCycleClerk
from idbroker.sessions.closing import Closing
from idbroker.sessions.refresh import RefreshTokens
from idbroker.sessions.service import SessionService
from idbroker.settings import BadSettings, Settings, load_settings
from idbroker.signals.dispatch import SignalDispatcher
from idbroker.signals.sources import SignalSourceService, forget_sources
from idbroker.signals.streams import SignalStreamService
from idbroker.storage import schema
from idbroker.storage.cells import HOME, Cell
from idbroker.storage.database import Database
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.streams.contract import Doors, Sink
from idbroker.streams.dispatch import StreamDispatcher, wake_streams
from idbroker.streams.secrets import StreamSecrets
from idbroker.streams.service import StreamService
from idbroker.survey.concerns import ConcernWatch
from idbroker.survey.sign_ins import SignInSurvey
from idbroker.telemetry.logs import set_up_logs
from idbroker.telemetry.tracing import start_tracing
from idbroker.tenants.branding import Brands
from idbroker.tenants.entitlements import Plans, checked_own
from idbroker.tenants.lifecycle import Terms
from idbroker.tenants.quotas import TenantQuotas
from idbroker.tenants.service import TenantService
from idbroker.traced_fetcher import TracedFetcher
from idbroker.web.assets import Assets, asset_rows
from idbroker.web.call import Answer, Call
from idbroker.web.cookies import AdminCookies, Cookies
from idbroker.web.edge import Bridge, Edge, EdgeSettings, application, face_at
from idbroker.web.health import Probe, health_rows
from idbroker.web.idempotency import Idempotency
from idbroker.web.pages import Pages
from idbroker.web.problems import problem
from idbroker.web.route import Row
from idbroker.web.shortcut import Shortcut
from idbroker.web.sign_in import SignInFace
from idbroker.web.tenancy import Tenancy
from idbroker.web.throttle import Throttle
from idbroker.webhooks.dispatch import WebhookDispatcher, forget_deliveries
from idbroker.webhooks.service import WebhookService
from idbroker.worker import RESTING, TICK_SECONDS, Job, Rounds, Worker, jobs
from oidc.provider.backchannel import LogoutSender
from oidc.provider.issuer import Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.keeping import forget_requests, forget_tokens
from oidc.provider.routes import Provider
from oidc.relying_party.jwks import KeySets
from oidc.signals.access import SignalAccess
from oidc.signals.discovery import find_jwks_uri
from oidc.signals.poller import Poller
from oidc.signals.receiver import Receiver
from oidc.signals.reception import Reception
from oidc.signals.sets import StreamSigner
from oidc.signals.transmitter import Transmitter
from scim.dialects.observation import SENTENCES
from scim.face import scim_error
from scim.kept_values import check_kept
from scim.routes import Scim
from scim.schemas.extension import read_extension
from scim.trials import Trials as ScimTrials

LOOK_FOR_CONCERNS = timedelta(minutes=15)


@dataclass(frozen=True)
class Services:
    """Everything below the faces: what the command line and the worker need, and the faces are made of."""

    settings: Settings
    clock: Clock
    master: MasterKey
    database: Database
    trail: Trail
    people: KeptPersonKeys
    notary: Notary
    trail_keys: TrailKeyRing
    envelope: Envelope
    keys: SigningKeyRing
    rotation: KeyRotation
    fetcher: Fetcher
    sender: Sender
    limiter: Limiter
    quotas: TenantQuotas
    protocols: Protocols
    tenants: TenantService
    domains: DomainService
    connections: ConnectionService
    candidates: CandidateService
    refresher: Refresher
    diagnoses: DiagnosisKeeper
    trials: Trials
    apps: AppService
    sessions: SessionService
    directories: DirectoryService
    webhooks: WebhookService
    outbound_scim: OutboundScim
    streams: StreamService
    stream_sender: Sender
    sinks: Mapping[str, Sink]
    signal_streams: SignalStreamService
    sources: SignalSourceService
    reception: Reception
    usage: UsageCounts

    @property
    def rewrapping(self) -> Rewrapping:
        return Rewrapping(self.database, self.master, self.envelope)

    @property
    def signing_secrets(self) -> tuple[bytes, ...]:
        """What cookies and cursors are signed with, newest first, the same in every process: the master keys that are here.
        Where one is in a key service, which gives no key away, secrets of the operator's own data key as well."""
        keys = self.settings.master_keys()
        here = tuple(key for key in keys if isinstance(key, bytes))
        if len(here) == len(keys):
            return here
        with self.database.tenant(TenantScope(PLATFORM_TRAIL, SYSTEM)) as unit:
            self.envelope.prepare(unit)
            return (*here, *self.envelope.derive(unit, "signed by the server"))

    @property
    def eraser(self) -> PersonEraser:
        return PersonEraser(self.database, self.trail, self.people, self.envelope, self.sessions)

    @property
    def exporter(self) -> Exporter:
        return Exporter(self.database, self.trail, self.envelope, self.people)

    @property
    def tenant_eraser(self) -> TenantEraser:
        return TenantEraser(
            self.database,
            self.trail,
            notary=self.notary,
            signer=self.trail_keys,
            keys=self.people,
            envelope=self.envelope,
            closing=self.closing,
        )

    @property
    def closing(self) -> Closing:
        return Closing(self.database, self.tenants, self.sessions)

    def worker(self) -> Worker:
        stopping = threading.Event()
        rounds = Rounds(self.database, stopping, RESTING if self.database.dialect.migrates_itself else 0.0)
        watch = CertificateWatch(self.database, self.connections)
        kept = timedelta(days=self.settings.event_days)
        issuers = Issuers(self.database, self.settings.public_url)
        logout = LogoutSender(self.database, IssuerKeys(self.keys), issuers, self.fetcher, self.clock)
        pusher = ScimPusher(self.database, self.envelope, self.sender)
        dispatcher = WebhookDispatcher(self.database, self.envelope, self.sender)
        streams = StreamDispatcher(self.database, self.trail, StreamSecrets(self.envelope), self.sinks)
        signer = StreamSigner(self.database, issuers, IssuerKeys(self.keys))
        signals = SignalDispatcher(self.database, self.signal_streams, signer, self.sender, self.settings.public_url)
        forget_events = Job("forget events", timedelta(minutes=1), partial(forget_old, self.database, kept))
        work = [
            *jobs(self.database, self.trail, self.refresher, watch, rounds),
            *_trail_jobs(self, rounds),
            *_alert_jobs(self, rounds),
            *_token_jobs(self, rounds),
        ]
        work += _tenant_jobs(self, rounds)
        work += _usage_jobs(self, rounds)
        work += _survey_jobs(self, rounds)
        deliver = Job("deliver webhooks", timedelta(seconds=TICK_SECONDS), dispatcher.start_due)
        sent = partial(_forget_deliveries, self.database, rounds, kept)
        forget_sent = Job("forget deliveries", timedelta(hours=1), sent, "rounds")
        domains = DomainWatch(self.database, self.domains)
        look_for_records = Job("look for domains' records", EVERY, partial(_each, rounds, domains.look), "rounds")
        forget_admins = Job("forget visits of administration", timedelta(hours=1), partial(forget_visits, self.database))
        push = Job("push people and groups to apps", timedelta(seconds=1), pusher.start_due)
        tell_endings = Job("tell apps of endings", timedelta(seconds=1), logout.start_due)
        stream = Job("send log streams", timedelta(seconds=TICK_SECONDS), streams.start_due)
        poller = Poller(self.database, self.sources, self.reception, self.sender)
        poll = Job("poll providers for signals", timedelta(seconds=5), poller.start_due)
        signal = Job("send signals", timedelta(seconds=TICK_SECONDS), signals.start_due)

        def forget() -> int:
            return signals.forget(kept) + sum(forget_sources(self.database, scope) for scope in rounds)

        forget_signals = Job("forget signals", timedelta(hours=1), forget, "rounds")
        follow = [forget_events, deliver, stream, forget_sent, forget_admins, tell_endings, push, signal, forget_signals, poll]
        follow.append(look_for_records)
        ends = [dispatcher.close, streams.close, pusher.close, logout.close, signals.close, poller.close]
        return Worker([*work, *follow], self.clock, closing=ends, stopping=stopping)

    def close(self) -> None:
        self.database.close()
        self.trail.store.close()
        self.fetcher.close()
        self.sender.close()
        self.stream_sender.close()
        self.limiter.close()


def _each(rounds: Rounds, look: Callable[[TenantScope], int]) -> int:
    return sum(look(scope) for scope in rounds)


def _forget_deliveries(database: Database, rounds: Rounds, kept: timedelta) -> int:
    owners = chain([TenantScope(PLATFORM_TRAIL, SYSTEM)], rounds)
    return sum(forget_deliveries(database, scope, kept) for scope in owners)


def _owners(rounds: Rounds) -> Iterable[TenantId]:
    """Whoever has keys and a trail: the deployment itself, and every tenant."""
    return chain([PLATFORM_TRAIL], (scope.tenant for scope in rounds))


def _trail_jobs(services: Services, rounds: Rounds) -> list[Job]:
    """Signed heads, the key that signs them, and letting go of what has been kept for long enough."""
    retention, plans = Retention(services.trail, services.notary), _plans(services.settings)

    def sweep() -> int:
        return services.notary.sign_each(_owners(rounds))

    def let_go() -> int:
        removed = 0
        for tenant in rounds.tenants():
            days = plans.of(tenant.tier, tenant.status).retention_days
            removed += retention.apply(tenant.tenant_id, tenant.tier, days)
        return removed

    return [
        Job("sign heads of the trail", timedelta(seconds=5), services.notary.sign_due, "slow"),
        Job("sign heads that were missed", timedelta(hours=1), sweep, "rounds"),
        Job("keep the trail's key young", timedelta(hours=1), services.trail_keys.keep, "slow"),
        Job("let go of old records", timedelta(hours=1), let_go, "rounds"),
    ]


def _alert_jobs(services: Services, rounds: Rounds) -> list[Job]:
    """Looking for alerts, and mailing them where SMTP is configured."""
    watch, settings = AlertWatch(services.database, services.trail, services.connections), services.settings

    def look() -> int:
        return sum(watch.look(scope) for scope in rounds)

    found = [Job("look for alerts", timedelta(minutes=1), look, "rounds")]
    if settings.smtp_host is not None and settings.smtp_from is not None:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        smtp = SmtpMailer(
            settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.smtp_security, settings.smtp_user, password
        )
        mail = AlertMail(services.database, smtp, settings.public_url)

        def send() -> int:
            return sum(mail.send(scope) for scope in rounds)

        found.append(Job("mail alerts", timedelta(minutes=1), send, "rounds"))
    return found


def _tenant_jobs(services: Services, rounds: Rounds) -> list[Job]:
    """Time's own: ends of trials and of patience."""
    clerk = LifeCycleClerk(services.database, services.closing, _terms(services.settings))

    def wrap_again() -> int:
        owners = _owners(rounds)
        return sum(one.moved for one in services.rewrapping.rewrap(owners))

    again = Job("wrap keys with the newest master key", timedelta(hours=1), wrap_again, "rounds")

    def finish_erasures() -> int:
        return services.eraser.finish_all(rounds)

    return [
        Job("move tenants on", timedelta(minutes=10), clerk.run_due, "slow"),
        Job("erase tenants", timedelta(minutes=10), services.tenant_eraser.run_due, "slow"),
        Job("finish erasures", timedelta(minutes=10), finish_erasures, "rounds"),
        *([again] if len(services.settings.master_keys()) > 1 else []),
    ]


def _usage_jobs(services: Services, rounds: Rounds) -> list[Job]:
    """Counting what was used, and telling it to Stripe where that is configured."""
    settings = services.settings

    def connections() -> int:
        return sum(count_connections(services.database, scope) for scope in rounds)

    found = [
        Job("count sign-ins", timedelta(seconds=5), partial(count_sign_ins, services.database)),
        Job("count connections", timedelta(hours=1), connections, "rounds"),
    ]
    if settings.stripe_api_key is not None and settings.stripe_meters:
        key = settings.stripe_api_key.get_secret_value()
        exporter = StripeExporter(services.database, services.sender, key, checked_meters(settings))

        def tell() -> int:
            return sum(exporter.run(scope) for scope in rounds)

        found.append(Job("tell Stripe of usage", timedelta(hours=1), tell, "rounds"))
    return found


def _survey_jobs(services: Services, rounds: Rounds) -> list[Job]:
    """What operators see of all tenants at once."""
    database, settings = services.database, services.settings
    sign_ins = SignInSurvey(database, services.trail)
    watch = ConcernWatch(database, services.connections, timedelta(days=settings.trial_days) or None)

    def sweep() -> int:
        return sign_ins.count_each(_owners(rounds))

    def look() -> int:
        return watch.look_at_each(_owners(rounds))

    return [
        Job("count sign-ins of all tenants", timedelta(seconds=5), sign_ins.count_noticed, "slow"),
        Job("count sign-ins that were missed", timedelta(hours=1), sweep, "rounds"),
        Job("look for what wants attention", LOOK_FOR_CONCERNS, look, "rounds"),
    ]


def checked_meters(settings: Settings) -> dict[str, str]:
    """Raises BadSettings."""
    unknown = sorted(set(settings.stripe_meters) - set(METERS))
    if unknown:
        raise BadSettings(f"IDBROKER_STRIPE_METERS: there is no meter {', '.join(unknown)}. They are: {', '.join(METERS)}")
    return settings.stripe_meters


def _token_jobs(services: Services, rounds: Rounds) -> list[Job]:
    """The provider's: keeping signing keys young, forgetting what nobody needs."""

    def keep_keys() -> int:
        owners = _owners(rounds)
        return sum(services.rotation.keep(owner) for owner in owners)

    def forget() -> int:
        return sum(forget_tokens(services.database, scope) for scope in rounds)

    return [
        Job("keep signing keys", timedelta(hours=1), keep_keys, "rounds"),
        Job("forget requests", timedelta(minutes=5), partial(forget_requests, services.database)),
        Job("forget tokens", timedelta(hours=1), forget, "rounds"),
    ]


def _plans(settings: Settings) -> Plans:
    try:
        return Plans(checked_own(settings.entitlements))
    except (TypeError, ValueError) as error:
        raise BadSettings(f"IDBROKER_ENTITLEMENTS: {error}") from error


def _terms(settings: Settings) -> Terms:
    """0 days are for ever."""
    spans = (timedelta(days=days) or None for days in (settings.trial_days, settings.past_due_days, settings.cancelled_days))
    return Terms(*spans)


def build_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    fetcher: Fetcher | None = None,
    look_up_txt: TxtLookup | None = None,
    sender: Sender | None = None,
) -> Services:
    """Open the databases and wire the features. Embedded databases are brought up to date; others must be already.

    Raises BadSettings or storage.schema.SchemaBehind, each saying what to do.
    """
    master = plugins.master_key(settings)
    clock = clock or SystemClock()
    fetcher = fetcher or TracedFetcher(GuardedFetcher(settings.outbound_allow))
    plugins.load_tables()
    main, audit = plugins.main_cells(settings), plugins.audit_cells(settings)
    for plans, metadata in ((main, MAIN), (audit, AUDIT)):
        for plan in plans:
            if plan.dialect.migrates_itself:
                schema.migrate(plan.dialect, metadata)
    envelope = Envelope(master)
    protocols = plugins.protocols(settings.public_url, clock, fetcher)
    tiers = _plans(settings)
    connections = ConnectionService(protocols, envelope, plugins.upkeeps(settings.public_url, clock, fetcher), tiers)
    database = Database(main[0].dialect, clock, Portraitist(connections), cells=main)
    store = Database(audit[0].dialect, clock, cells=audit, placements=database.placements)
    schema.check(database, MAIN)
    schema.check(store, AUDIT)
    schema.check_placements(database)
    keys = SigningKeyRing(database, envelope, clock)
    candidates = CandidateService(connections)
    people = KeptPersonKeys(envelope)
    trail = Trail(database, store, people)
    trail_keys = TrailKeyRing(database, envelope, clock, max_age=timedelta(days=settings.trail_key_days))
    trail.while_sealing = wake_streams
    quotas = TenantQuotas(database, clock, tiers)
    # A sender of their own: however many receivers hang, webhooks find a free connection.
    stream_sender = sender or TracedFetcher(GuardedFetcher(settings.outbound_allow))
    doors = Doors(stream_sender, GuardedTls(settings.outbound_allow), clock, settings.log_stream_folder)
    sessions = SessionService(envelope, lifetime=timedelta(hours=settings.session_hours))
    return Services(
        settings=settings,
        clock=clock,
        master=master,
        database=database,
        trail=trail,
        people=people,
        notary=Notary(database, trail, trail_keys),
        trail_keys=trail_keys,
        envelope=envelope,
        keys=keys,
        rotation=KeyRotation(database, keys, clock, max_age=timedelta(days=settings.signing_key_days)),
        fetcher=fetcher,
        sender=sender or TracedFetcher(GuardedFetcher(settings.outbound_allow)),
        limiter=plugins.limiter(settings, clock),
        quotas=quotas,
        protocols=protocols,
        tenants=TenantService(envelope, quotas),
        domains=DomainService(look_up_txt or DnsTxtLookup(settings.dns_resolver), tiers),
        connections=connections,
        candidates=candidates,
        refresher=Refresher(database, connections, candidates),
        diagnoses=DiagnosisKeeper(database, envelope),
        trials=Trials(database, connections, candidates, envelope),
        apps=AppService(),
        sessions=sessions,
        webhooks=WebhookService(envelope),
        outbound_scim=OutboundScim(envelope),
        streams=StreamService(StreamSecrets(envelope), tiers, folder=settings.log_stream_folder is not None),
        stream_sender=stream_sender,
        sinks=plugins.sinks(doors),
        signal_streams=SignalStreamService(envelope),
        sources=SignalSourceService(envelope),
        usage=UsageCounts(database, clock),
        reception=Reception(database, KeySets(fetcher, clock), SignalledPeople(sessions)),
        directories=DirectoryService(tiers),
    )


@dataclass(frozen=True)
class Broker:
    """The running program: its services, its table of routes, and what answers HTTP."""

    services: Services
    rows: tuple[Row, ...]
    admin_api: AdminApi
    admin_ui: AdminUi
    scim: Scim
    asgi: ASGIApp


def build(services: Services, *, run_worker: bool, at_end: Callable[[], None] = lambda: None) -> Broker:
    """The web side. With ``run_worker`` the background jobs run in this process while it serves. ``at_end`` is called when the
    server shuts down, which a signal ends without the interpreter's own end."""
    settings = services.settings
    pages = Pages(https=settings.is_https)
    secrets = services.signing_secrets
    cookies = Cookies(secrets, https=settings.is_https, session_seconds=settings.session_hours * 3600)
    brands = Brands(services.database)
    sign_in = SignInFace(pages, cookies, RefusalRecorder(services.database, services.diagnoses), brands)
    finder = SessionFinder(services.database, services.sessions)
    flow = LoginFlow(
        services.database,
        services.connections,
        Finisher(services.database, services.sessions, services.clock),
        services.clock,
        lifetime=timedelta(minutes=settings.attempt_minutes),
        trials=services.trials,
    )
    addresses = LogoutAddresses(services.fetcher, services.clock)
    logout = LogoutFlow(services.database, services.connections, services.sessions, flow, addresses)
    provider = Provider(
        database=services.database,
        keys=services.keys,
        sessions=services.sessions,
        flow=flow,
        finder=finder,
        cookies=cookies,
        sign_in=sign_in,
        pages=pages,
        leaving=logout,
        clock=services.clock,
        base_url=settings.public_url,
        access_token_minutes=settings.access_token_minutes,
        refresh=RefreshTokens(
            services.envelope,
            absolute=timedelta(days=settings.refresh_token_days),
            idle=timedelta(days=settings.refresh_token_idle_days),
        ),
        fetcher=services.fetcher,
        issued=partial(services.usage.count, meter=TOKENS),
    )
    stopping = threading.Event()
    issuers, issuer_keys = Issuers(services.database, settings.public_url), IssuerKeys(services.keys)
    transmitter = Transmitter(
        database=services.database,
        issuers=issuers,
        keys=issuer_keys,
        access=SignalAccess(services.database, issuers, issuer_keys, services.clock),
        streams=services.signal_streams,
        wait=stopping.wait,
    )
    account = AccountPage(services.database, services.sessions, cookies, pages, face=sign_in, logout=logout)
    admin_api = administration(services)
    assets, admin_cookies = Assets(ADMIN_STATIC), AdminCookies(https=settings.is_https)
    looks = Looks(services.database, required=settings.operator_reasons == "required")
    tenancy = Tenancy(services.database, admin_cookies, Idempotency(services.database, services.envelope), looks)
    admin_ui = AdminUi(
        operations=admin_api.operations,
        tenancy=tenancy,
        cookies=admin_cookies,
        assets=assets,
        https=settings.is_https,
        database=services.database,
        keys=services.keys,
        clock=services.clock,
        flow=flow,
        face=sign_in,
        sessions=services.sessions,
        people=cookies,
        ceremonies=Ceremonies(site_of(settings.public_url)),
    )
    scim = Scim(
        database=services.database,
        sessions=services.sessions,
        envelope=services.envelope,
        secrets=secrets,
        clock=services.clock,
        served=lambda tenant, operations: services.usage.count(tenant, SCIM_OPERATIONS, operations),
    )
    faces = {"/api/": problem, "/scim/": scim_error, "/": sign_in.refusal}

    def nowhere(refusal: Refusal, call: Call) -> Answer:
        return face_at(faces, call.path)(refusal, call)

    rows: tuple[Row, ...] = (
        *provider.rows(),
        *transmitter.rows(),
        *Receiver(services.database, services.reception).rows(),
        *Front(flow, logout, services.protocols, sign_in, account, brands=brands).rows(nowhere),
        *TestSignInPages(services.trials, sign_in, pages).rows(sign_in.refusal),
        *admin_api.rows(),
        *admin_ui.rows(),
        *scim.rows(),
        *asset_rows(sign_in.refusal, assets),
        *health_rows(_probes(services), sign_in.refusal, _helpers(services)),
    )
    throttle = Throttle(
        services.limiter,
        services.quotas,
        services.database,
        services.clock,
        per_address=with_usual_burst(settings.address_per_minute),
    )
    bridge = Bridge(tenancy, EdgeSettings(settings.public_url, settings.trusted_proxies), throttle)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        services.keys.verifiers(PLATFORM_TRAIL)  # made on the first start, before the first request wants them
        worker = services.worker()
        if run_worker:
            worker.start()
        scim.traffic.start()
        services.usage.start()
        yield
        stopping.set()
        scim.traffic.stop()
        services.usage.stop()
        worker.stop()
        at_end()

    starlette = application(bridge, rows, faces, lifespan)
    return Broker(services, rows, admin_api, admin_ui, scim, Edge(Shortcut(starlette), https=settings.is_https))


def administration(services: Services) -> AdminApi:
    """The Admin API's operations, for whatever face runs them."""
    return AdminApi(
        database=services.database,
        tenants=services.tenants,
        domains=services.domains,
        connections=services.connections,
        apps=services.apps,
        sessions=services.sessions,
        trail=services.trail,
        notary=services.notary,
        clock=services.clock,
        candidates=services.candidates,
        refresher=services.refresher,
        trials=services.trials,
        diagnoses=services.diagnoses,
        directories=services.directories,
        events_kept=timedelta(days=services.settings.event_days),
        rotation=services.rotation,
        scim=scim_knowledge(services.envelope, services.sessions),
        webhooks=services.webhooks,
        envelope=services.envelope,
        sender=services.sender,
        outbound_scim=services.outbound_scim,
        streams=services.streams,
        sinks=services.sinks,
        signal_streams=services.signal_streams,
        sources=services.sources,
        find_signal_keys=partial(find_jwks_uri, services.fetcher),
        plans=_plans(services.settings),
        eraser=services.eraser,
        exporter=services.exporter,
    )


def scim_knowledge(envelope: Envelope, sessions: SessionService) -> ScimKnowledge:
    sentences = {str(name): sentence for name, sentence in SENTENCES.items()}
    return ScimKnowledge(read_extension, check_kept, sentences, envelope, ScimTrials(sessions))


def from_environment() -> ASGIApp:
    """What each process of ``idbroker serve --workers N`` runs."""
    settings = load_settings()
    set_up_logs(settings.log_format)
    stop_tracing = start_tracing()
    services = build_services(settings)
    asgi = build(services, run_worker=services.database.dialect.migrates_itself, at_end=stop_tracing).asgi
    # What has been made by now stays for ever: there is no use in searching it for garbage again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return asgi


def _probes(services: Services) -> dict[str, Probe]:
    """What ``/readyz`` asks: each answers what is wrong, None when all is well."""

    def database() -> str | None:
        return _wrong(services.database, MAIN)

    def trail() -> str | None:
        return _wrong(services.trail.store, AUDIT)

    def keys() -> str | None:
        return None if services.keys.verifiers(PLATFORM_TRAIL) else "no signing keys"

    return {"database": database, "trail": trail, "keys": keys}


def _helpers(services: Services) -> dict[str, Callable[[], bool]]:
    """What the others can do without: the shared limits, and each cell but home."""
    found: dict[str, Callable[[], bool]] = {"redis": services.limiter.degraded}
    for main, store in zip(services.database.each_cell(), services.trail.store.each_cell(), strict=True):
        if main.name != HOME:
            found[f"cell {main.name}"] = partial(_is_away, services, main, store)
    return found


def _is_away(services: Services, main: Cell, store: Cell) -> bool:
    return not (services.database.answers(main) and services.trail.store.answers(store))


def _wrong(database: Database, metadata: MetaData) -> str | None:
    try:
        schema.check(database, metadata)
    except schema.SchemaBehind as error:
        return str(error)
    except SQLAlchemyError:
        return "the database does not answer"
    return None

"""An OpenID provider in the same process: the demo OP behind a scripted fetcher, with switches for misbehaviour."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idbroker.federation.contract import AttemptRef, ConnectionConfig, ConnectionUpload, ExternalIdentity, UnverifiedReply
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.ids import ConnectionId, TenantId
from idbroker.outbound.fetcher import Fetched, FetchFailed
from oidc.demo_op import DemoClient, DemoOp, DemoPerson, DemoRequest, SigningKey
from oidc.relying_party.protocol import OidcProtocol

ISSUER = "https://op.example.com"
BASE = "https://broker.example.com"
CONNECTION = ConnectionId("con_00000000000000000000000000")
CALLBACK = f"{BASE}/oidc/{CONNECTION}/callback"
CLIENT_ID = "broker-client"
SECRET = "s3cret"
HANDLE = "h" * 43
ALICE = DemoPerson("alice-1", "alice@acme.example", "Alice", "Doe", ("Engineering", "Admins"))

Change = Callable[[Fetched], Fetched]


class StoppedClock:
    def __init__(self, moment: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def forward(self, **kwargs: float) -> None:
        self.moment += timedelta(**kwargs)


class HostileOp(DemoOp):
    """``forge`` makes the ID token out of the honest claims; ``extra`` are claims that an honest token carries besides."""

    forge: Callable[[dict[str, Any]], str] | None = None
    extra: Mapping[str, Any] = {}
    without: tuple[str, ...] = ()

    def sign(self, claims: Mapping[str, Any]) -> str:
        changed = {name: value for name, value in {**claims, **self.extra}.items() if name not in self.without}
        return self.forge(changed) if self.forge else super().sign(changed)


class OpFetcher:
    """Routes URLs to the OP. ``changes[path]`` rewrites (or raises instead of) that path's honest answer."""

    def __init__(self, op: DemoOp) -> None:
        self.op = op
        self.changes: dict[str, Change] = {}
        self.calls: list[str] = []
        self.urls: list[str] = []
        self.forms: list[Mapping[str, str]] = []
        self.headers: list[Mapping[str, str]] = []

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        honest: dict[str, Callable[[], tuple[int, dict[str, Any]]]] = {
            "/.well-known/openid-configuration": lambda: (200, self.op.discovery()),
            "/jwks": lambda: (200, self.op.jwks()),
            "/end": lambda: (200, {}),
            "/userinfo": lambda: self.op.userinfo((headers or {}).get("authorization")),
        }
        path = urlsplit(url).path
        return self._answer(url, *honest.get(path, lambda: (404, {}))())

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        self.forms.append(dict(fields))
        self.headers.append(dict(headers or {}))
        return self._answer(url, *self.op.token(fields, (headers or {}).get("authorization")))

    def count(self, path: str) -> int:
        return self.calls.count(path)

    def _answer(self, url: str, status: int, body: dict[str, Any]) -> Fetched:
        path = urlsplit(url).path
        self.calls.append(path)
        self.urls.append(url)
        answer = Fetched(url, status, {"content-type": "application/json"}, json.dumps(body).encode())
        return self.changes[path](answer) if path in self.changes else answer


def body(data: bytes | str | dict[str, Any] | list[Any], *, status: int = 200) -> Change:
    """Answer with that body instead."""
    raw = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
    return lambda honest: replace(honest, status=status, body=raw)


def members(**changed: Any) -> Change:
    """The honest JSON object with some members changed; None takes one away."""

    def change(honest: Fetched) -> Fetched:
        merged = {**json.loads(honest.body), **changed}
        return replace(honest, body=json.dumps({name: value for name, value in merged.items() if value is not None}).encode())

    return change


def down(honest: Fetched) -> Fetched:
    raise FetchFailed("outbound_timeout", "The other server did not answer in time.", detail=honest.url)


@dataclass
class World:
    """One connection to one OP."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    key: SigningKey = field(default_factory=SigningKey)
    client: DemoClient = field(default_factory=lambda: DemoClient((CALLBACK,), SECRET))
    client_id: str = CLIENT_ID
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: ConnectionOptions = field(default_factory=ConnectionOptions)
    vendor: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    verified_domains: tuple[str, ...] = ("acme.example",)

    def __post_init__(self) -> None:
        self.op = HostileOp(ISSUER, {self.client_id: self.client}, self.clock, key=self.key)
        self.fetcher = OpFetcher(self.op)
        self.protocol = OidcProtocol(BASE, self.clock, self.fetcher)

    def upload(self, **fields: Any) -> ConnectionUpload:
        given = {"issuer": ISSUER, "client_id": self.client_id, **self.fields, **fields}
        if self.client.secret is not None:
            given.setdefault("client_secret", self.client.secret)
        return ConnectionUpload(CONNECTION, given, self.vendor, self.options)

    def connection(self, **fields: Any) -> ConnectionConfig:
        draft = self.protocol.draft(self.upload(**fields), None)
        return ConnectionConfig(
            id=CONNECTION,
            tenant=TenantId("tnt_00000000000000000000000000"),
            version=1,
            protocol="oidc",
            vendor=draft.vendor,
            settings=json.loads(json.dumps(draft.settings)),
            secrets=draft.secrets,
            options=self.options,
            attribute_mapping=self.mapping,
            verified_domains=self.verified_domains,
        )

    def attempt(self, **changed: Any) -> AttemptRef:
        return AttemptRef(**{"handle": HANDLE, "begun_at": self.clock.now(), **changed})

    def request(self, connection: ConnectionConfig, attempt: AttemptRef) -> DemoRequest:
        url = self.protocol.begin(connection, attempt).url
        request = self.op.authorization(dict(parse_qsl(urlsplit(url).query)))
        assert isinstance(request, DemoRequest), request
        return request

    def sign_in(
        self,
        connection: ConnectionConfig | None = None,
        person: DemoPerson = ALICE,
        *,
        attempt: AttemptRef | None = None,
        reply: Callable[[dict[str, str]], dict[str, str]] = lambda params: params,
    ) -> ExternalIdentity:
        connection = connection or self.connection()
        attempt = attempt or self.attempt()
        location = self.op.grant(self.request(connection, attempt), person)
        return self.protocol.complete(connection, reply_with(reply(dict(parse_qsl(urlsplit(location).query)))), attempt)


def reply_with(params: Mapping[str, str]) -> UnverifiedReply:
    return UnverifiedReply("GET", CALLBACK, params)

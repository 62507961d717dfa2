"""A SET that came from a connection's identity provider, by push or by poll: judged, acted on once, and told in the trail."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connection, Connections
from idbroker.federation.contract import ReplyRefused
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.event import Event
from idbroker.kernel.scope import TenantScope
from idbroker.login.refusals import findings_context
from idbroker.login.replay import SeenReplies
from idbroker.provisioning.signalled import Done, SignalledPeople
from idbroker.signals.sources import SignalSource, SignalSources, about
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from oidc.jose import BadToken, UnverifiedToken, key_set
from oidc.jose import read as taken_apart
from oidc.relying_party.checks import verdict
from oidc.relying_party.jwks import KeySets
from oidc.relying_party.quirks import guess_vendor
from oidc.signals.checks import OLDEST, SET_CHECKS, SetEvidence
from oidc.signals.reading import wishes_of

MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Source:
    """Where a SET came in: a connection of a tenant, and what it expects."""

    connection_id: str
    issuer: str
    jwks_uri: str
    audience: Sequence[str]
    skew: int


class Reception:
    def __init__(self, database: Database, key_sets: KeySets, people: SignalledPeople) -> None:
        self._database = database
        self._key_sets = key_sets
        self._people = people

    def source(self, scope: TenantScope, connection_id: str) -> Source | None:
        """None where nothing is received: no connection, one that is switched off, or one without a receiver."""
        with self._database.tenant(scope, read_only=True) as unit:
            found = _received_at(unit, connection_id)
            if found is None:
                return None
            row, connection = found
            skew = ConnectionOptions(**connection.options).clock_skew_seconds
            return Source(connection_id, row.issuer, row.jwks_uri, tuple(row.audience), skew)

    def take(self, scope: TenantScope, source: Source, text: str) -> list[Done]:
        """What became of it; nothing for one that was taken before. Raises ReplyRefused, told in the trail by then."""
        try:
            evidence = self._judged(source, text)
        except ReplyRefused as refusal:
            self._refused(scope, source, text, refusal)
            raise
        claims = evidence.claims
        until = datetime.fromtimestamp(float(claims["iat"]), UTC) + timedelta(seconds=OLDEST + 2 * source.skew)
        with suppress(ReplyRefused), self._database.tenant(scope) as unit:  # seen before: acknowledged again, nothing done
            unit[SeenReplies].claim(source.connection_id, f"set:{claims['jti']}", until)
            found = _received_at(unit, source.connection_id)
            if found is None:
                return []
            done = [self._people.act(unit, source.connection_id, wish) for wish in wishes_of(claims, source.issuer)]
            row, connection = found
            row.last_received_at, row.last_error = unit.clock.now(), None
            context = {
                "connection_id": connection.id,
                "jti": claims["jti"],
                "iss": source.issuer,
                "txn": _shown(claims.get("txn")),
            }
            told = [one.as_document() for one in done]
            unit[Outbox].record(Event("signal.accepted", about(connection), context={**context, "events": told}))
            return done
        return []

    def _judged(self, source: Source, text: str) -> SetEvidence:
        token, problem = _read(text)
        keys = self._key_sets.keys_for(source.jwks_uri, token.kid) if token else key_set(())
        evidence = SetEvidence(
            token=token,
            problem=problem,
            keys=keys,
            issuer=source.issuer,
            audience=source.audience,
            untyped=guess_vendor(source.issuer) == "google",
            now=self._database.clock.now().timestamp(),
            skew=source.skew,
        )
        verdict(SET_CHECKS, evidence)
        return evidence

    def _refused(self, scope: TenantScope, source: Source, text: str, refusal: ReplyRefused) -> None:
        """What it said of itself is shown as unverified, and cut."""
        token = _read(text)[0]
        said = {name: _shown(token.claims.get(name)) for name in ("jti", "iss")} if token else {}
        with self._database.tenant(scope) as unit:
            found = _received_at(unit, source.connection_id)
            if found is None:
                return
            row, connection = found
            row.last_refused_at, row.last_error = unit.clock.now(), refusal.code
            context = {
                "connection_id": connection.id, "code": refusal.code, "detail": refusal.detail, "unverified": said,
                **findings_context(refusal),
            }  # fmt: skip
            unit[Outbox].record(Event("signal.refused", about(connection), context=context))


def _received_at(unit: TenantUnit, connection_id: str) -> tuple[SignalSource, Connection] | None:
    connection, row = unit[Connections].get(connection_id), unit[SignalSources].get(connection_id)
    if connection is None or row is None or not row.enabled or connection.status == "disabled":
        return None
    return row, connection


def _read(text: str) -> tuple[UnverifiedToken | None, str]:
    try:
        return taken_apart(text), ""
    except BadToken as error:
        return None, str(error)


def _shown(value: Any) -> str | None:
    return value[:MAX_SHOWN] if isinstance(value, str) else None

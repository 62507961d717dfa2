"""SAML connections as their upkeep sees them: ties the pure functions of ``saml`` to the seam in ``federation/upkeep``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, ConnectionUpload
from idbroker.federation.upkeep import (
    KnownCertificate,
    Reread,
    RolloverStep,
    Settings,
    SettingsChange,
    Source,
    no_metadata_url,
)
from idbroker.kernel.clock import Clock
from idbroker.outbound.fetcher import Fetched, Fetcher
from saml import draft
from saml.metadata_difference import metadata_difference
from saml.settings import SamlSettings, read_settings, settings_of, sp_addresses
from saml.sp_keys import begin_sp_key_rollover, cancel_sp_key_rollover, finish_sp_key_rollover


class SamlUpkeep:
    """Implements ``federation.upkeep.Upkeep``."""

    def __init__(self, base_url: str, clock: Clock, fetcher: Fetcher) -> None:
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._fetcher = fetcher

    def source(self, settings: Settings) -> Source | None:
        stored = settings_of(settings)
        if stored.source.url is None:
            return None
        until = _moment(stored.idp.valid_until)
        return Source(stored.source.url, stored.source.cache_seconds, until)

    def reread(self, connection: ConnectionConfig, etag: str | None) -> Reread:
        source = read_settings(connection).source
        if source.url is None:
            raise no_metadata_url()
        fields = {"metadata_url": source.url, "entity_id": source.entity_id, "metadata_certificate": source.certificate}
        given = {name: value for name, value in fields.items() if value is not None}
        upload = ConnectionUpload(connection.id, given, connection.vendor, connection.options)
        asking = _Conditional(self._fetcher, etag)
        sp = sp_addresses(self._base_url, connection.id, connection.options)
        try:
            drafted = draft.draft(upload, connection, asking, self._clock.now(), sp)
        except NotModified:
            return Reread(None, etag)
        return Reread(drafted, asking.etag)

    def difference(self, before: Settings, after: Settings) -> Sequence[SettingsChange]:
        return [
            SettingsChange(change.field, change.kind, change.before, change.after, change.policy)
            for change in metadata_difference(before, after)
        ]

    def taken(self, live: ConnectionConfig, after: Settings) -> Settings:
        """All of a reading in which nothing is held. Of any other the added certificates alone, and those only from the same
        IdP: so that a key change that removes the old key in the same breath does not lock anybody out until an admin looks."""
        changes = self.difference(live.settings, after)
        if all(change.policy == "take" for change in changes):
            return self._rebased(after, live).as_document() if changes else live.settings
        kept, read = read_settings(live), settings_of(after)
        added = tuple(one for one in read.idp.certificates if one not in kept.idp.certificates)
        if kept.idp.entity_id != read.idp.entity_id or not added:
            return live.settings
        return replace(kept, idp=replace(kept.idp, certificates=(*kept.idp.certificates, *added))).as_document()

    def rebased(self, settings: Settings, secrets: Mapping[str, str], live: ConnectionConfig) -> ConnectionDraft:
        """``secrets`` are our own keys as they once were; those that are live now count."""
        del secrets
        return ConnectionDraft(self._rebased(settings, live).as_document(), dict(live.secrets), live.vendor)

    def certificates(self, settings: Settings) -> Sequence[KnownCertificate]:
        return [KnownCertificate(one.sha256, one.not_after) for one in settings_of(settings).idp.parsed_certificates()]

    def secret_ends(self, settings: Settings) -> datetime | None:
        """None: SAML knows no shared secret."""
        del settings
        return None

    def roll_over(self, connection: ConnectionConfig, step: RolloverStep) -> ConnectionDraft:
        if step == "begin":
            return begin_sp_key_rollover(connection, self._clock.now())
        return finish_sp_key_rollover(connection) if step == "finish" else cancel_sp_key_rollover(connection)

    def _rebased(self, settings: Settings, live: ConnectionConfig) -> SamlSettings:
        kept, wanted = read_settings(live), settings_of(settings)
        retired = draft.retired_certificates(kept, wanted.idp, self._clock.now())
        return replace(kept, idp=wanted.idp, source=wanted.source, retired_certificates=retired)


class NotModified(Exception):
    """The source has not changed. Never leaves this module."""


class _Conditional:
    """A Fetcher that asks whether there is something new (RFC 9110 13.1.2), and remembers what the answer is called."""

    def __init__(self, fetcher: Fetcher, etag: str | None) -> None:
        self._fetcher = fetcher
        self._known = etag
        self.etag: str | None = None

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        asked = {**(headers or {}), **({"if-none-match": self._known} if self._known else {})}
        answer = self._fetcher.get(url, accept=accept, headers=asked)
        if answer.status == 304 and self._known:
            raise NotModified
        self.etag = answer.headers.get("etag")
        return answer

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        return self._fetcher.post_form(url, fields, headers=headers)

    def close(self) -> None:
        """The fetcher behind it stays open: it is everybody's."""


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

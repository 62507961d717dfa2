"""Looking after a connection of type ``oidc``: its provider's description read again, our keys changed, what expires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, ConnectionUpload
from idbroker.federation.upkeep import (
    KnownCertificate,
    Policy,
    Reread,
    RolloverStep,
    Settings,
    SettingsChange,
    Source,
    changed_value,
    no_metadata_url,
)
from idbroker.kernel.clock import Clock
from idbroker.outbound.fetcher import Fetcher
from oidc.relying_party.client_auth import CLIENT_SECRET
from oidc.relying_party.discovery import WELL_KNOWN
from oidc.relying_party.draft import make_draft
from oidc.relying_party.keys import RP_KEY, RP_KEY_NEXT, begin_rollover, cancel_rollover, finish_rollover
from oidc.relying_party.settings import OURS, RpSettings


class OidcUpkeep:
    """Implements ``federation.upkeep.Upkeep``. Signature keys need none: they are read at ``jwks_uri`` as they are used."""

    def __init__(self, base_url: str, clock: Clock, fetcher: Fetcher) -> None:
        del base_url, clock
        self._fetcher = fetcher

    def source(self, settings: Settings) -> Source | None:
        stored = RpSettings.stored(settings)
        return Source(stored.issuer.rstrip("/") + WELL_KNOWN) if stored.discovered else None

    def reread(self, connection: ConnectionConfig, etag: str | None) -> Reread:
        """Discovery once more. How we prove ourselves there stays as it is: that was arranged with an admin."""
        del etag
        live = RpSettings.of(connection)
        if not live.discovered:
            raise no_metadata_url()
        given = {"issuer": live.issuer, "token_endpoint_auth_method": live.token_endpoint_auth_method}
        upload = ConnectionUpload(connection.id, given, connection.vendor, connection.options)
        return Reread(make_draft(self._fetcher, upload, connection), None)

    def difference(self, before: Settings, after: Settings) -> Sequence[SettingsChange]:
        old, new = RpSettings.stored(before), RpSettings.stored(after)
        names = [name for name in RpSettings.model_fields if name not in (*OURS, "id_token_algs", "discovered")]
        found: list[SettingsChange] = []
        for name in names:
            was, is_now = (side.model_dump(mode="json")[name] for side in (old, new))
            found += changed_value(name, was, is_now, _policy(name, is_now))
        gone = [alg for alg in old.id_token_algs if alg not in new.id_token_algs]
        come = [alg for alg in new.id_token_algs if alg not in old.id_token_algs]
        found += [SettingsChange("id_token_algs", "removed", alg, None, "hold") for alg in gone]
        found += [SettingsChange("id_token_algs", "added", None, alg, "take") for alg in come]
        return found

    def taken(self, live: ConnectionConfig, after: Settings) -> Settings:
        """All of a reading in which nothing is held; of any other the added algorithms alone, and only of the same issuer."""
        changes = self.difference(live.settings, after)
        if not changes:
            return live.settings
        kept, read = RpSettings.of(live), RpSettings.stored(after)
        if all(change.policy == "take" for change in changes):
            return _with_ours(read, kept).model_dump(mode="json")
        if kept.issuer != read.issuer or kept.jwks_uri != read.jwks_uri:
            return live.settings
        added = tuple(alg for alg in read.id_token_algs if alg not in kept.id_token_algs)
        return kept.model_copy(update={"id_token_algs": (*kept.id_token_algs, *added)}).model_dump(mode="json")

    def rebased(self, settings: Settings, secrets: Mapping[str, str], live: ConnectionConfig) -> ConnectionDraft:
        """The provider's side with our keys as they are live; a key that a roll-over has published serves a first use of it."""
        kept, wanted = RpSettings.of(live), RpSettings.stored(settings)
        ours = {name: live.secrets[name] for name in (RP_KEY, RP_KEY_NEXT) if name in live.secrets}
        if CLIENT_SECRET in secrets:
            ours[CLIENT_SECRET] = secrets[CLIENT_SECRET]
        after = _with_ours(wanted, kept)
        if wanted.token_endpoint_auth_method == "private_key_jwt" and after.key is None:
            if RP_KEY_NEXT in ours:
                ours[RP_KEY] = ours.pop(RP_KEY_NEXT)
                after = after.model_copy(update={"key": kept.next_key, "next_key": None})
            elif RP_KEY in secrets:
                ours[RP_KEY] = secrets[RP_KEY]
                after = after.model_copy(update={"key": wanted.key})
        return ConnectionDraft(after.model_dump(mode="json"), ours, live.vendor)

    def certificates(self, settings: Settings) -> Sequence[KnownCertificate]:
        """None: the provider's keys come without an end."""
        del settings
        return ()

    def secret_ends(self, settings: Settings) -> datetime | None:
        return RpSettings.stored(settings).client_secret_expires_at

    def roll_over(self, connection: ConnectionConfig, step: RolloverStep) -> ConnectionDraft:
        if step == "begin":
            return begin_rollover(connection)
        return finish_rollover(connection) if step == "finish" else cancel_rollover(connection)


def _with_ours(wanted: RpSettings, live: RpSettings) -> RpSettings:
    return wanted.model_copy(update={name: getattr(live, name) for name in OURS})


def _policy(name: str, after: object) -> Policy:
    """What only makes us stricter, or changes nothing that is believed, happens by itself; all else waits for an admin."""
    stricter = name == "authorization_response_iss_parameter_supported" and after is True
    return "take" if stricter or name == "acr_values" else "hold"

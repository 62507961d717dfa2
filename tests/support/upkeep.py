"""An upkeep whose source says what the test writes: refresh, candidates and key changes without SAML.

Settings of it are ``{"url", "idp", "certificates", "ours", "ours_next"}``; ``idp`` may move only with an admin's word,
certificates may be added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft
from idbroker.federation.upkeep import (
    KnownCertificate,
    Reread,
    RolloverStep,
    Settings,
    SettingsChange,
    Source,
    changed_value,
)
from idbroker.kernel.errors import Conflict
from idbroker.outbound.fetcher import FetchFailed


@dataclass
class ScriptedUpkeep:
    """``says`` maps a URL to the settings found there; a URL that is not in it cannot be reached."""

    says: dict[str, dict[str, Any]] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    cache_seconds: int | None = None
    valid_until: datetime | None = None
    interrupt: Any = None
    """Called while the source is being asked."""

    def source(self, settings: Settings) -> Source | None:
        return Source(settings["url"], self.cache_seconds, self.valid_until) if settings.get("url") else None

    def reread(self, connection: ConnectionConfig, etag: str | None) -> Reread:
        self.asked.append(etag)
        if self.interrupt is not None:
            self.interrupt()
        url = connection.settings["url"]
        if url not in self.says:
            raise FetchFailed("outbound_failed", "The other server could not be reached.", detail=url)
        said = self.says[url]
        name = repr(sorted(said.items()))
        if etag == name:
            return Reread(None, etag)
        return Reread(ConnectionDraft({**connection.settings, **said}, dict(connection.secrets)), name)

    def difference(self, before: Settings, after: Settings) -> Sequence[SettingsChange]:
        old, new = before.get("certificates", []), after.get("certificates", [])
        return [
            *changed_value("idp", before.get("idp"), after.get("idp")),
            *(SettingsChange("certificates", "removed", one, None, "hold") for one in old if one not in new),
            *(SettingsChange("certificates", "added", None, one, "take") for one in new if one not in old),
        ]

    def taken(self, live: ConnectionConfig, after: Settings) -> Settings:
        if live.settings.get("idp") != after.get("idp"):
            return live.settings
        old = list(live.settings.get("certificates", []))
        return {**live.settings, "certificates": old + [one for one in after.get("certificates", []) if one not in old]}

    def rebased(self, settings: Settings, secrets: Mapping[str, str], live: ConnectionConfig) -> ConnectionDraft:
        ours = {name: live.settings[name] for name in ("ours", "ours_next") if name in live.settings}
        theirs = {name: value for name, value in settings.items() if name not in ("ours", "ours_next")}
        return ConnectionDraft({**theirs, **ours}, {**secrets, **live.secrets}, live.vendor)

    def certificates(self, settings: Settings) -> Sequence[KnownCertificate]:
        return [KnownCertificate(one, self.ends[one]) for one in settings.get("certificates", []) if one in self.ends]

    def secret_ends(self, settings: Settings) -> datetime | None:
        return self.ends.get("client secret") if settings.get("secret") else None

    def roll_over(self, connection: ConnectionConfig, step: RolloverStep) -> ConnectionDraft:
        settings = dict(connection.settings)
        if step == "begin":
            if "ours_next" in settings:
                raise Conflict("sp_key_rollover_running", "Finish or cancel that first.")
            settings["ours_next"] = "the next key"
        elif "ours_next" not in settings:
            raise Conflict("no_sp_key_rollover", "There is none.")
        else:
            following = settings.pop("ours_next")
            settings["ours"] = following if step == "finish" else settings.get("ours")
        return ConnectionDraft(settings, dict(connection.secrets), connection.vendor)

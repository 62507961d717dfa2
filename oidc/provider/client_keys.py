"""The public keys of apps: registered as they are (``jwks``), or published (``jwks_uri``) and kept 15 minutes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.outbound.fetcher import Fetcher, FetchFailed
from oidc.jose import BadToken, KeySet, import_key_set, strict_json

LIFETIME = timedelta(minutes=15)
PAUSE = timedelta(minutes=1)
"""Between two fetches out of turn, for a key that is not among those we know, or after a failure."""
MAX_DOCUMENT = 200_000
MAX_APPS = 5000


@dataclass(frozen=True, slots=True)
class _Fetched:
    version: datetime
    tried_at: datetime
    fresh_until: datetime
    keys: KeySet | None


class ClientKeys:
    """Thread-safe. Two threads may fetch the same document, with the same result; nothing waits for the network in a lock."""

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._known: dict[str, _Fetched] = {}
        self._lock = threading.Lock()

    def of(self, app: App, kid: str | None) -> KeySet:
        """Call it outside of a transaction: it may ask the network. Raises BadToken when there are no keys to be had."""
        if app.jwks is not None:
            return import_key_set(app.jwks)
        if app.jwks_uri is None:
            raise BadToken("key", "the app has registered no keys")
        found = self._current(app, app.jwks_uri, kid)
        if found.keys is None:
            raise BadToken("key", "the app's jwks_uri gives no key set")
        return found.keys

    def _current(self, app: App, url: str, kid: str | None) -> _Fetched:
        known, now = self._known.get(app.id), self._clock.now()
        if known is not None and known.version == app.updated_at:
            missing = known.keys is None or (kid is not None and all(key.kid != kid for key in known.keys))
            if now - known.tried_at < PAUSE or (now < known.fresh_until and not missing):
                return known
        fetched = self._fetch(app, url, known if known and known.version == app.updated_at else None)
        with self._lock:
            if len(self._known) >= MAX_APPS:
                self._known.clear()
            self._known[app.id] = fetched
        return fetched

    def _fetch(self, app: App, url: str, before: _Fetched | None) -> _Fetched:
        """When the app's server is down, the keys that were good a moment ago are good for another turn."""
        now = self._clock.now()
        try:
            answer = self._fetcher.get(url, accept="application/jwk-set+json, application/json")
            if answer.status != 200:
                raise BadToken("key", f"jwks_uri answered {answer.status}")
            keys = import_key_set(strict_json(answer.body, limit=MAX_DOCUMENT))
        except (FetchFailed, BadToken):
            return _Fetched(app.updated_at, now, now + PAUSE, before.keys if before else None)
        return _Fetched(app.updated_at, now, now + LIFETIME, keys)

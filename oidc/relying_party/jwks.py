"""The IdPs' key sets: kept as long as they ask within bounds, fetched by one thread at a time, used a day longer in need."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.clock import Clock
from idbroker.outbound.fetcher import Fetcher, FetchFailed
from oidc.jose import BadToken, KeySet, import_key_set, strict_json
from oidc.relying_party.answers import is_document, media_type
from oidc.relying_party.refusals import refused, shown, unreachable

LIFETIME = timedelta(minutes=15)
"""Where the answer does not say how long it may be kept."""
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
GRACE = timedelta(hours=24)
UNKNOWN_KID_PAUSE = timedelta(minutes=1)
FAILURE_PAUSE = timedelta(seconds=5)
MAX_DOCUMENT = 1_000_000
MAX_SETS = 5000
_MAX_AGE = re.compile(r'max-age="?([0-9]{1,9})"?')


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: KeySet | None = None
    fetched_at: datetime | None = None
    lifetime: timedelta = LIFETIME
    tried_at: datetime | None = None
    searched_at: datetime | None = None
    """When an unknown ``kid`` last made us fetch out of turn."""
    failure: tuple[str, str] = ("", "")


class KeySets:
    """Thread-safe. Keyed by URL: what a URL publishes is the same for every connection that trusts it."""

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def keys_for(self, url: str, kid: str | None) -> KeySet:
        """The keys at ``url``, fetched again (once a minute at most) when none is called ``kid``.

        A token without ``kid`` counts as unknown as well: nothing else would show that its key was rolled over.
        Raises ReplyRefused (502) when there are no keys to be had.
        """
        entry = self._entry(url)
        fetched_now = self._renew(url, entry)
        keys = self._usable(entry)
        if fetched_now or (kid is not None and any(key.kid == kid for key in keys)):
            return keys
        self._search(url, entry)
        return self._usable(entry)

    def _entry(self, url: str) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(url, _Entry())
            self._entries.move_to_end(url)
            if len(self._entries) > MAX_SETS:
                self._entries.popitem(last=False)
            return entry

    def _renew(self, url: str, entry: _Entry) -> bool:
        """Fetch what is missing or old. Whoever has a usable copy does not wait for the one thread that is fetching."""
        if self._age(entry) < entry.lifetime or not entry.lock.acquire(blocking=entry.keys is None):
            return False
        try:
            if self._age(entry) < entry.lifetime or self._just_failed(entry):
                return False
            self._fetch(url, entry)
            return True
        finally:
            entry.lock.release()

    def _search(self, url: str, entry: _Entry) -> None:
        with entry.lock:
            now = self._clock.now()
            if entry.searched_at is None or now - entry.searched_at >= UNKNOWN_KID_PAUSE:
                entry.searched_at = now
                self._fetch(url, entry)

    def _usable(self, entry: _Entry) -> KeySet:
        if entry.keys is None or self._age(entry) >= entry.lifetime + GRACE:
            code, detail = entry.failure
            raise refused(code or "oidc_idp_unreachable", detail or "no key set", status=502)
        return entry.keys

    def _age(self, entry: _Entry) -> timedelta:
        return timedelta.max if entry.fetched_at is None else self._clock.now() - entry.fetched_at

    def _just_failed(self, entry: _Entry) -> bool:
        return bool(entry.failure[0]) and entry.tried_at is not None and self._clock.now() - entry.tried_at < FAILURE_PAUSE

    def _fetch(self, url: str, entry: _Entry) -> None:
        entry.tried_at = self._clock.now()
        try:
            entry.keys, entry.lifetime = read_key_set(self._fetcher, url)
            entry.fetched_at = entry.tried_at
            entry.failure = ("", "")
        except ReplyRefused as failure:
            entry.failure = (failure.code, failure.detail)


def read_key_set(fetcher: Fetcher, url: str) -> tuple[KeySet, timedelta]:
    """Fetch a JWKS: its keys, and how long they may be kept. Raises ReplyRefused (502)."""
    try:
        answer = fetcher.get(url, accept="application/jwk-set+json, application/json")
    except FetchFailed as failure:
        raise unreachable("jwks_uri", failure) from failure
    if answer.status != 200:
        raise refused("oidc_jwks_invalid", f"jwks_uri answered {answer.status}", status=502)
    if not is_document(answer.headers):
        raise refused("oidc_jwks_invalid", f"jwks_uri: {shown(media_type(answer.headers))}, not JSON", status=502)
    try:
        return import_key_set(strict_json(answer.body, limit=MAX_DOCUMENT)), lifetime_of(answer.headers)
    except BadToken as error:
        raise refused("oidc_jwks_invalid", f"jwks_uri: {error}", status=502) from error


def lifetime_of(headers: Mapping[str, str]) -> timedelta:
    """By ``Cache-Control`` (RFC 9111 5.2.2), between a minute and six hours: neither a fetch for each sign-in, nor a key that
    was withdrawn and still believed tomorrow."""
    directives = [part.strip().lower() for part in headers.get("cache-control", "").split(",")]
    if any(name in directives for name in ("no-store", "no-cache")):
        return SHORTEST
    ages = [found[1] for part in directives if (found := _MAX_AGE.fullmatch(part))]
    return min(max(timedelta(seconds=int(ages[0])), SHORTEST), LONGEST) if ages else LIFETIME

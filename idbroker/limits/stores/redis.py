"""Buckets that several replicas share, in Redis. One round trip each; the clock is Redis's own, so that replicas agree.

The script is ``limits.bucket.take`` in Lua; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, cast

from redis import Redis, RedisError

from idbroker.limits.bucket import Decision
from idbroker.limits.contract import StoreGone
from idbroker.limits.quota import Quota

PREFIX = "idbroker:limit:"
TIMEOUT = 0.25
"""Seconds. An answer that takes longer is worth less than going on without it."""

_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local interval = 60 / tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local tolerance = burst * interval
local stored = redis.call('GET', KEYS[1])
local start = math.min(math.max(stored and tonumber(stored) or now, now), now + tolerance)
local after = math.max(start + math.min(tonumber(ARGV[3]), burst) * interval, now)
local wait = after - tolerance - now
local function tokens(seconds)
  return math.max(0, math.floor(seconds / interval + 0.000001))
end
local function keep(moment)
  redis.call('SET', KEYS[1], string.format('%.6f', moment), 'PX', math.max(1, math.ceil((moment - now) * 1000)))
end
if wait > 0.000001 then
  keep(start)
  return {0, tokens(now + tolerance - start), tostring(start - now), tostring(wait)}
end
keep(after)
return {1, tokens(now + tolerance - after), tostring(after - now), '0'}
"""


class RedisBuckets:
    """Raises ValueError for an address that is none."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, health_check_interval=0, decode_responses=True
        )
        self._take = self._redis.register_script(_TAKE)

    def take(self, key: str, quota: Quota, cost: int = 1) -> Decision:
        try:
            answer = cast("list[Any]", self._take(keys=[PREFIX + key], args=[quota.per_minute, quota.burst, cost]))
        except RedisError as error:
            raise StoreGone(type(error).__name__) from error
        allowed, remaining, reset, retry = answer
        return Decision(bool(allowed), quota, int(remaining), float(reset), float(retry))

    def first(self, key: str, seconds: int) -> bool:
        try:
            return bool(self._redis.set(f"{PREFIX}told:{key}", "1", nx=True, ex=seconds))
        except RedisError as error:
            raise StoreGone(type(error).__name__) from error

    def ping(self) -> None:
        try:
            self._redis.ping()
        except RedisError as error:
            raise StoreGone(type(error).__name__) from error

    def close(self) -> None:
        self._redis.close()

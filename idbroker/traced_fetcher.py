"""Calls to servers of others, each in a span of its own. What goes out bears nothing of the trace: it is ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idbroker.outbound.fetcher import Fetched, FetchFailed, GuardedFetcher
from idbroker.telemetry.tracing import called_out, traced


class TracedFetcher:
    """A ``Fetcher`` and a ``Sender``, as the one is that it stands before."""

    def __init__(self, fetcher: GuardedFetcher) -> None:
        self._fetcher = fetcher

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        return _told("GET", url, lambda: self._fetcher.get(url, accept=accept, headers=headers))

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        return _told("POST", url, lambda: self._fetcher.post_form(url, fields, headers=headers))

    def send(self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]) -> Fetched:
        return _told(method, url, lambda: self._fetcher.send(method, url, body=body, headers=headers))

    def close(self) -> None:
        self._fetcher.close()


def _told(method: str, url: str, call: Callable[[], Fetched]) -> Fetched:
    with traced(method, "CLIENT", called_out(method, url)) as span:
        try:
            fetched = call()
        except FetchFailed as failed:
            span.fail(failed.code)
            raise
        span.tell("http.response.status_code", fetched.status)
        return fetched

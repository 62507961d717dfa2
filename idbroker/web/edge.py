"""The ASGI edge: one pure layer that gives each request its id and each answer its headers, and the bridge from Starlette
to rows. No handler below is async: the edge reads the request, a thread thinks, the edge answers.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request, cookie_parser
from starlette.responses import StreamingResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.ids import RequestId
from idbroker.kernel.scope import new_request_id
from idbroker.limits.names import Unlimited
from idbroker.login.steps import SignInRefused
from idbroker.storage.unit import TENANT_IN_LOGS, note_in_logs
from idbroker.telemetry.metrics import REQUESTS, TENANT_REQUESTS, tenant_label
from idbroker.telemetry.tracing import traced
from idbroker.web.call import Answer, BadRequest, Call
from idbroker.web.headers import CACHEABLE_DEFAULT, COMMON, HSTS
from idbroker.web.meter import UNMETERED, Meter, TooMany
from idbroker.web.problems import problem
from idbroker.web.response import Response
from idbroker.web.route import ANYWHERE, ErrorFace, NotHere, OpenRoute, PageRoute, Row
from idbroker.web.tenancy import Tenancy
from idbroker.web.threads import Threads
from idbroker.web.throttle import RequestMeter, Throttle
from idbroker.web.turnstile import Crowded, Turnstile

MAX_BEARER = 8_000
"""Characters. No credential of ours is longer; what is longer is nobody's."""

MAX_BODY = 1_500_000
"""Bytes. A 256 KB SAML message is 350 KB in base64 and up to 1 MB in a form's percent-encoding."""

log = structlog.get_logger("idbroker.web")
_BY_PROXIES = (b"x-forwarded-for", b"forwarded")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class EdgeSettings:
    public_url: str
    trusted_proxies: Sequence[Network]


class Bridge:
    """Makes Starlette routes of rows. ``throttle`` is None where nothing is limited."""

    def __init__(self, tenancy: Tenancy, settings: EdgeSettings, throttle: Throttle | None = None) -> None:
        self._tenancy = tenancy
        self._settings = settings
        self._throttle = throttle
        self._turnstile = Turnstile()
        self._threads = Threads()

    def routes(self, rows: Sequence[Row]) -> list[Route]:
        """One Starlette route per path, so that a wrong method is 405 with the right Allow."""
        by_path: dict[str, dict[str, Row]] = {}
        for row in rows:
            methods = by_path.setdefault(row.path, {})
            if row.method in methods:
                raise ValueError(f"two rows for {row.method} {row.path}")
            methods[row.method] = row
        anywhere = by_path.pop(ANYWHERE, None)
        made = [Route(path, Endpoint(self, methods), methods=list(methods)) for path, methods in by_path.items()]
        return made if anywhere is None else [*made, Elsewhere(made, Endpoint(self, anywhere), list(anywhere))]

    async def answer(self, methods: Mapping[str, Row], request: Request) -> ASGIApp:
        row = methods["GET" if request.method == "HEAD" else request.method]
        errors = face_of(row)
        request.scope["idbroker.route"] = row.path
        if request.method == "HEAD" and not changes_nothing(row):
            allowed = ", ".join(sorted(methods))
            refusal = Refusal("bad_method", "This address does not take that method.", status=405)
            return await self.wrong_method(
                methods, request, errors(refusal, self.call(request, b"")).with_headers(("allow", allowed))
            )
        meter = self._meter(row, request)
        try:
            call = await self._read(request, meter or UNMETERED)
        except Refusal as refusal:
            answer = errors(refusal, self.call(request, b""))
            return _response(answer if meter is None else await self._threads.run(self._charged, answer, meter))
        except ClientDisconnect:
            return Response(Answer(400))
        if isinstance(row, OpenRoute) and row.inline:
            try:
                return _response(self._answer(row, errors, call))
            except NotHere:
                row = replace(row, handler=row.waiting or row.handler, inline=False)
        if meter is None:
            return _response(await self._threads.run(self._answer, row, errors, call))
        return _response(await self._metered(row, errors, call, meter))

    async def wrong_method(self, methods: Mapping[str, Row], request: Request, answer: Answer) -> ASGIApp:
        """What a limited address does not take counts there too, in the class of the first of its methods that has one."""
        meters = (self._meter(row, request) for row in methods.values())
        meter = next((one for one in meters if one is not None), None)
        return _response(answer if meter is None else await self._threads.run(self._charged, answer, meter))

    def _meter(self, row: Row, request: Request) -> RequestMeter | None:
        if self._throttle is None or isinstance(row.limit, Unlimited):
            return None
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        bearer = rest.strip() if scheme.lower() == "bearer" and len(rest) < MAX_BEARER else None
        return self._throttle.meter(row.limit, client_address(request.scope, self._settings.trusted_proxies), bearer)

    async def _metered(self, row: Row, errors: ErrorFace, call: Call, meter: RequestMeter) -> Answer:
        """A tenant that is recognised waits for its turn here, where it holds no thread, and is refused here when it was just
        refused before: a flood costs next to nothing. Anybody else goes right in, and his address is charged."""
        throttle, known = self._throttle, meter.recognised()
        if throttle is None or known is None:
            with self._turnstile.guest():
                answer = await self._threads.run(self._measured, row, errors, call, meter)
            return _limited(answer, meter)
        try:
            refused = meter.refused_already(known)
            if refused is not None:
                return _limited(errors(refused, call), meter)
            async with self._turnstile.turn(known):
                answer = await self._threads.run(self._measured, row, errors, call, meter)
        except Crowded:
            answer = errors(meter.crowded(known), call)
        return _limited(answer, meter)

    def _charged(self, answer: Answer, meter: RequestMeter) -> Answer:
        """What could not even be read counts too."""
        with contextlib.suppress(TooMany):
            meter.enter()
        return _limited(answer, meter)

    def _measured(self, row: Row, errors: ErrorFace, call: Call, meter: RequestMeter) -> Answer:
        try:
            meter.enter()
            return self._answer(row, errors, call)
        except TooMany as refusal:
            return errors(refusal, call)
        finally:
            meter.tell()

    def _answer(self, row: Row, errors: ErrorFace, call: Call) -> Answer:
        structlog.contextvars.clear_contextvars()  # what is logged bears the tenant of this request (``note_in_logs``)
        told: dict[str, str | int] = {"http.request.method": call.method, "http.route": row.path, "request_id": call.request_id}
        with traced(f"{call.method} {row.path}", "SERVER", told, call.headers) as span:
            try:
                answer = self._answered(row, errors, call)
            except NotHere:
                span.drop()  # asked again where there is time to look
                raise
            span.tell("http.response.status_code", answer.status)
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.fail(str(answer.status))
            tenant = structlog.contextvars.get_contextvars().get(TENANT_IN_LOGS)
            if tenant is not None:
                span.tell(TENANT_IN_LOGS, tenant)
                TENANT_REQUESTS.labels(tenant_label(tenant), f"{answer.status // 100}xx").inc()
            return answer

    def _answered(self, row: Row, errors: ErrorFace, call: Call) -> Answer:
        try:
            return self._tenancy.run(row, call)
        except NotHere:
            raise
        except Refusal as refusal:
            if isinstance(refusal, SignInRefused) and refusal.tenant is not None:
                note_in_logs(refusal.tenant)  # known from what is remembered of its connection, without a transaction
            log.info("refused", refusal=refusal.code, detail=refusal.detail, route=row.path, request_id=call.request_id)
            return _told_when(errors(refusal, call), refusal)
        except OperationalError:
            log.exception("database unavailable", route=row.path, request_id=call.request_id)
            return errors(Refusal("unavailable", "This service cannot answer just now. Please try again.", status=503), call)
        except Exception:
            log.exception("failed", route=row.path, request_id=call.request_id)
            public = f"Something went wrong here. It has been noted under {call.request_id}."
            return errors(Refusal("internal_error", public, status=500), call)

    async def _read(self, request: Request, meter: Meter) -> Call:
        if any(character < " " for value in request.path_params.values() for character in str(value)):
            raise NotFound("page")  # no id of ours holds a control character, and PostgreSQL stores no NUL to compare with
        if int(request.headers.get("content-length") or 0) > MAX_BODY:
            raise BadRequest("too_large", "The request is too large.", status=413)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise BadRequest("too_large", "The request is too large.", status=413)
        return self.call(request, bytes(body), meter)

    def call(self, request: Request, body: bytes, meter: Meter = UNMETERED) -> Call:
        """The request as a value."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
        return Call(
            request_id=request.scope["idbroker.request_id"],
            method=request.method,
            path=request.scope["path"],
            base_url=self._settings.public_url,
            path_params=request.path_params,
            raw_query=request.scope["query_string"].decode("latin-1"),
            headers=headers,
            cookies=cookie_parser(headers["cookie"]) if "cookie" in headers else {},
            body=body,
            client_ip=client_address(request.scope, self._settings.trusted_proxies),
            meter=meter,
        )


class Edge:
    """Request id, common headers, metrics and the access log, around everything."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._common = [*COMMON, HSTS] if https else COMMON

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id: RequestId = new_request_id()
        scope["idbroker.request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                added = [pair for pair in self._common if pair[0] not in present]
                if b"cache-control" not in present:
                    added.append(CACHEABLE_DEFAULT)
                message["headers"] = [*message["headers"], *added, (b"x-request-id", request_id.encode())]
                _counter(scope.get("idbroker.route", "none"), message["status"]).inc()
            await send(message)

        await self._app(scope, receive, send_with_headers)


def client_address(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str | None:
    """The caller's address: the nearest hop that is not a trusted proxy, read from the end of what the proxies noted.

    ``X-Forwarded-For``, in as many headers as came; else ``Forwarded`` (RFC 7239).
    """
    client = scope.get("client")
    if client is None:
        return None
    if not any(name in _BY_PROXIES for name, _ in scope["headers"]):
        return _known_address(str(client[0])) or str(client[0])
    nearest = _hop_address(str(client[0]))
    if nearest is None:
        return str(client[0])
    for address in (nearest, *map(_hop_address, reversed(_hops(scope["headers"])))):
        if address is None:
            break
        if not any(address.version == network.version and address in network for network in trusted):
            return str(address)
    return str(nearest)


def _hops(headers: Sequence[tuple[bytes, bytes]]) -> list[str]:
    """What each proxy noted, the nearest one's last."""
    noted = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    if noted:
        return ",".join(noted).split(",")
    elements = ",".join(value.decode("latin-1") for name, value in headers if name == b"forwarded").split(",")
    return [_forwarded_for(element) for element in elements]


def _forwarded_for(element: str) -> str:
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _hop_address(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, or in brackets. None for anything else (``unknown``, ``_hidden``)."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def application(
    bridge: Bridge,
    rows: Sequence[Row],
    faces: ErrorFace | Mapping[str, ErrorFace],
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The Starlette application of a table of rows. ``faces``: how an address that is none says so, by how it begins."""
    by_prefix = faces if isinstance(faces, Mapping) else {"/api/": problem, "/": faces}

    async def plain(request: Request, error: Exception) -> ASGIApp:
        status = error.status_code if isinstance(error, HTTPException) else 500
        call = bridge.call(request, b"")
        refusal = Refusal("not_found" if status == 404 else "bad_method", _SENTENCES.get(status, "No."), status=status)
        endpoint = request.scope.get("endpoint")
        # Where the address is there, the error has the form of its other errors.
        face = endpoint.errors if isinstance(endpoint, Endpoint) else face_at(by_prefix, request.scope["path"])
        headers = tuple((error.headers or {}).items()) if isinstance(error, HTTPException) else ()
        answer = face(refusal, call).with_headers(*headers)
        if status == HTTPStatus.METHOD_NOT_ALLOWED and isinstance(endpoint, Endpoint):
            return await bridge.wrong_method(endpoint.methods, request, answer)
        return _response(answer)

    handlers: dict[Any, Any] = {404: plain, 405: plain}
    made = Starlette(routes=bridge.routes(rows), exception_handlers=handlers, lifespan=lifespan)
    made.router.redirect_slashes = False  # the redirect would go to whatever host the request named
    return made


def face_at(by_prefix: Mapping[str, ErrorFace], path: str) -> ErrorFace:
    return next(face for prefix, face in by_prefix.items() if path.startswith(prefix) or prefix == "/")


_SENTENCES = {404: "There is nothing at this address.", 405: "This address does not take that method."}


def changes_nothing(row: Row) -> bool:
    """Whether HEAD may do what GET does (RFC 9110 9.3.2): documents and administration's reads. The steps of a sign-in, which
    mail scanners and link checkers are fond of asking for, are spent by being taken."""
    return not isinstance(row, OpenRoute) or isinstance(row.limit, Unlimited) or row.limit not in ("sign_in", "token")


def _limited(answer: Answer, meter: RequestMeter) -> Answer:
    told = tuple(meter.headers(answer.status))
    names = {name for name, _ in told}
    kept = tuple(pair for pair in answer.headers if pair[0].lower() not in names)
    return replace(answer, headers=(*kept, *told))


def _response(answer: Answer) -> ASGIApp:
    if answer.stream is None:
        return Response(answer)
    streaming = StreamingResponse(answer.stream, answer.status, media_type=answer.media_type)
    for name, value in answer.headers:
        streaming.headers.append(name, value)
    return streaming


class Elsewhere(Route):
    """What no other route has, whatever its method: a wrong method stays 405 there, and here 404."""

    def __init__(self, others: Sequence[Route], endpoint: Endpoint, methods: list[str]) -> None:
        super().__init__(ANYWHERE, endpoint, methods=methods)
        self.methods = set(methods)  # without HEAD, which Starlette adds: where there is nothing it is 404 too
        self._others = others

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found, inner = super().matches(scope)
        if found is not Match.FULL or any(other.matches(scope)[0] is not Match.NONE for other in self._others):
            return Match.NONE, {}
        return found, inner


def face_of(row: Row) -> ErrorFace:
    return row.errors if isinstance(row, OpenRoute | PageRoute) else problem


class Endpoint:
    """What Starlette calls at an address: an application of its own, past what Starlette puts around functions."""

    def __init__(self, bridge: Bridge, methods: Mapping[str, Row]) -> None:
        self._bridge = bridge
        self.methods = methods
        self.errors = face_of(next(iter(methods.values())))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._bridge.answer(self.methods, Request(scope, receive))
        await response(scope, receive, send)


@lru_cache(maxsize=4096)
def _counter(route: str, status: int) -> Any:
    """To find a metric by its labels takes longer than to count."""
    return REQUESTS.labels(route, str(status))


@lru_cache(maxsize=4096)
def _known_address(text: str) -> str | None:
    """An address that no proxy has a say in, in its one form."""
    address = _hop_address(text)
    return None if address is None else str(address)


def _told_when(answer: Answer, refusal: Refusal) -> Answer:
    """With the time to come again at, where the refusal knows it and its face has not said so."""
    if refusal.retry_after is None or any(name == "retry-after" for name, _ in answer.headers):
        return answer
    return answer.with_headers(("retry-after", str(refusal.retry_after)))

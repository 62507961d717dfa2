"""What both demo identity providers have in common: a login page plainly marked DEMO, and forms read without a framework."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "idp_pages"
MAX_FORM = 200_000
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_FILES = {"style.css": "text/css", "submit.js": "text/javascript"}

_templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def page(template: str, status: int = 200, **view: Any) -> Response:
    return HTMLResponse(_templates.get_template(template).render(view), status, HEADERS)


def static_routes() -> list[Route]:
    """The style sheet and the script that sends a SAML answer on."""
    return [Route(f"/{name}", _static(name, media_type)) for name, media_type in _FILES.items()]


async def form_of(request: Request) -> Mapping[str, str]:
    """The posted form; empty when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            return {}
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _static(name: str, media_type: str) -> Any:
    body = (FOLDER / name).read_bytes()

    def serve(request: Request) -> Response:
        del request
        return Response(body, media_type=media_type, headers={"x-content-type-options": "nosniff"})

    return serve

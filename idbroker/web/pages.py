"""Pages: Jinja templates, everything escaped, nothing inline, under a strict Content Security Policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idbroker.tenants.branding import Brand
from idbroker.web.assets import Assets
from idbroker.web.call import Answer
from idbroker.web.headers import page_headers
from idbroker.web.messages import ENGLISH, Words

Purpose = Literal["sign in", "sign out", "answer", "again", "app"]
"""Why a browser is sent on with a form: to sign in or out at an IdP, to answer one, or to send the same fields again
here, or to go back to the app."""

TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders ``templates/``, and those of the folders given, which come first. A template sees what it is handed,
    ``asset(name)`` and the filter ``in_words``, nothing else."""

    def __init__(self, *, https: bool, folders: Sequence[Path] = (), assets: Assets | None = None) -> None:
        self._https = https
        self._templates = Environment(
            loader=FileSystemLoader([*folders, TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters["in_words"] = in_words
        self._templates.globals["asset"] = (assets or Assets()).url

    def render(
        self,
        template: str,
        status: int = 200,
        *,
        leaves: bool = False,
        framed_by: str | None = None,
        works: bool = False,
        brand: Brand | None = None,
        words: Words = ENGLISH,
        **view: Any,
    ) -> Answer:
        """The page. ``leaves``: a form on it leads, at once or by redirects, to an IdP or an app. ``framed_by``: the one origin
        whose pages may show it in a frame. ``works``: its own scripts ask our own server for parts of it. ``brand``:
        of the tenant that the page is about. ``words``: its sentences, as ``t``."""
        body = self._templates.get_template(template).render(view, brand=brand, t=words).encode()
        headers = page_headers(leaves=leaves, https=self._https, framed_by=framed_by, works=works)
        return Answer(status, body, "text/html; charset=utf-8", headers)

    def hand_over(self, address: str, fields: Mapping[str, str], purpose: Purpose, words: Words = ENGLISH) -> Answer:
        """The form that sends itself. An IdP that signs people out everywhere asks its applications in frames of its page, so
        the answer may be given inside of one; the page has nothing else on it that a click could be stolen for."""
        parts = urlsplit(address)
        framed_by = f"{parts.scheme}://{parts.netloc}" if purpose == "answer" else None
        view: dict[str, Any] = {"address": address, "fields": fields, "purpose": purpose, "host": parts.hostname}
        return self.render("handover.html", leaves=True, framed_by=framed_by, words=words, **view)


def in_words(value: Any) -> str:
    """A value that an identity provider sent, of whatever type, for somebody to read."""
    match value:
        case None | "":
            return ""
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{name}: {in_words(one)}" for name, one in value.items())
        case Sequence():
            return ", ".join(map(in_words, value))
        case _:
            return str(value)

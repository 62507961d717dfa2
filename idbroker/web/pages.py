"""Pages: Jinja templates, everything escaped, nothing inline, under a strict Content Security Policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idbroker.web.assets import Assets
from idbroker.web.call import Answer
from idbroker.web.headers import page_headers

TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders ``templates/``. A template sees what it is handed and ``asset(name)``, nothing else."""

    def __init__(self, *, https: bool) -> None:
        self._https = https
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals["asset"] = Assets().url

    def render(self, template: str, status: int = 200, *, leaves: bool = False, **view: Any) -> Answer:
        """The page. ``leaves``: a form on it leads, at once or by redirects, to an IdP or an app."""
        body = self._templates.get_template(template).render(view).encode()
        return Answer(status, body, "text/html; charset=utf-8", page_headers(leaves=leaves, https=self._https))

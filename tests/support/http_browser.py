"""A browser over plain HTTP: cookies by host, redirects, forms. Like a real one it keeps Lax cookies from cross-site POSTs."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

AUTOMATIC = {"handover", "answer"}
"""The forms that their page's script sends on."""


@dataclass
class Form:
    id: str
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Forms, and the texts of elements that have an id."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: dict[str, str] = {}
        self._open: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("id", ""), given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        if tag not in ("input", "meta", "link", "br"):
            self._open.append(given.get("id"))

    def handle_endtag(self, tag: str) -> None:
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for name in filter(None, self._open):
            self.texts[name] = self.texts.get(name, "") + data


class Page:
    def __init__(self, response: httpx2.Response) -> None:
        self.url = str(response.url)
        self.status = response.status_code
        self.text = response.text
        self.headers = response.headers
        reader = _Reader()
        reader.feed(self.text)
        self.forms = reader.forms
        self.by_id = reader.texts


class HttpBrowser:
    def __init__(self) -> None:
        self._http = httpx2.Client(timeout=30, trust_env=False)
        self.page: Page | None = None
        self.visited: list[str] = []

    def close(self) -> None:
        self._http.close()

    def open(self, url: str) -> Page:
        return self._go("GET", url)

    def post(self, url: str, fields: dict[str, str]) -> Page:
        return self._go("POST", url, data=fields)

    def submit(self, which: int = -1, **filled: str) -> Page:
        """Fill one of the page's forms, the last one if none is named, and send it."""
        assert self.page is not None
        form = self.page.forms[which]
        fields = {**form.fields, **filled}
        target = urljoin(self.page.url, form.action)
        if form.method.lower() == "get":
            return self._go("GET", target, params=fields)
        return self._go("POST", target, data=fields)

    def sign_in(self, url: str, email: str, password: str) -> Page:
        """From a page with an e-mail field, over the IdP's login page, to wherever that ends."""
        self.open(url)
        self.submit(email=email)
        return self.submit(username=email, password=password)

    def _go(self, method: str, url: str, **content: Any) -> Page:
        for _ in range(30):
            response = self._send(method, url, **content)
            self.visited.append(f"{method} {url.split('?', maxsplit=1)[0]}")
            content = {}
            if response.is_redirect:
                method, url = "GET", urljoin(url, response.headers["location"])
                continue
            self.page = Page(response)
            form = next((form for form in self.page.forms if form.id in AUTOMATIC), None)
            if form is None:
                return self.page
            method, url, content = "POST", urljoin(url, form.action), {"data": form.fields}
        raise AssertionError(f"goes in circles: {self.visited[-10:]}")

    def _send(self, method: str, url: str, **content: Any) -> httpx2.Response:
        came_from = urlsplit(self.page.url).hostname if self.page else None
        request = self._http.build_request(method, url, **content)
        if method == "POST" and came_from not in (None, urlsplit(url).hostname):
            request.headers.pop("cookie", None)
        response = self._http.send(request)
        response.read()
        return response

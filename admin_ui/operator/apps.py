"""Apps: registered, changed, their secrets shown once, and what an engineer pastes to sign people in with them."""

from __future__ import annotations

from typing import Any

import orjson

from admin_ui.desk import Desk, Screen
from admin_ui.forms import VERSION, Form, carrying, filled, lines, typed, with_problem
from admin_ui.lists import listed
from admin_ui.snippets import AppValues, snippets
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal, invalid_field
from idbroker.web.call import Answer, Call

ONE = "/admin/apps/{client_id}"
METHODS = (
    ("client_secret_basic", "a secret (HTTP Basic)"),
    ("client_secret_post", "a secret in the form"),
    ("none", "none: a browser or phone app, with PKCE"),
    ("private_key_jwt", "a key of its own (private_key_jwt)"),
)
ALGORITHMS = (("RS256", "RS256: understood everywhere"), ("ES256", "ES256: short and fast"), ("EdDSA", "EdDSA"))
GRANTS = (
    ("authorization_code", "sign people in (authorization_code)"),
    ("refresh_token", "stay signed in (refresh_token)"),
    ("client_credentials", "act for itself (client_credentials)"),
    ("urn:ietf:params:oauth:grant-type:token-exchange", "exchange tokens (RFC 8693)"),
)
URLS = ("backchannel_logout_uri", "initiate_login_uri", "jwks_uri")


class AppPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get("/admin/apps", self._all, "list_apps"),
            get("/admin/apps/new", self._new, "create_app"),
            post("/admin/apps/new", self._make, "create_app"),
            get(ONE, self._one, "get_app", "list_app_secrets"),
            post(ONE, self._save, "update_app"),
            post(f"{ONE}/secrets", self._secret, "create_app_secret"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(call, visit, "operator/apps.html", list=listed(self._desk.api, call, "list_apps", "q"))

    def _new(self, call: Call, visit: Visit) -> Answer:
        begin = {"token_endpoint_auth_method": "client_secret_basic", "id_token_signed_response_alg": "RS256"}
        return self._new_form(call, visit, Form({**begin, "grant:authorization_code": "on"}))

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            made = self._desk.api.run(call, "create_app", body=_body(form))
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        return self._ready(call, visit, made, made.get("client_secret"))

    def _secret(self, call: Call, visit: Visit) -> Answer:
        try:
            secret = self._desk.api.run(call, "create_app_secret")["client_secret"]
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(Form(), refusal))
        return self._ready(call, visit, self._desk.api.run(call, "get_app"), secret)

    def _ready(self, call: Call, visit: Visit, app: dict[str, Any], secret: str | None) -> Answer:
        """The one page with the secret on it."""
        view = {"app": app, "secret": secret, "snippets": _snippets(call, app, secret), "issuer": call.base_url}
        return self._desk.page(call, visit, "operator/app_ready.html", **view)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._desk.api.run(call, "update_app", body=_body(form), version=form[VERSION])
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/apps/{call.path_params['client_id']}", "saved")

    def _shown(self, call: Call, visit: Visit, form: Form | None) -> Answer:
        app, present = self._desk.api.versioned(call, "get_app")
        secrets = self._desk.api.run(call, "list_app_secrets")["data"]
        shown = (
            form
            if form is not None and form.values
            else Form(_as_form(app).values, *((form.errors, form.problem, form.status) if form else ()))
        )
        view = {
            "app": app, "secrets": secrets, "form": carrying(shown, present),
            "methods": METHODS, "algorithms": ALGORITHMS, "grants": GRANTS,
            "snippets": _snippets(call, app, None), "issuer": call.base_url,
        }  # fmt: skip
        return self._desk.page(call, visit, "operator/app.html", shown.status, **view)

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        view = {"form": form, "methods": METHODS, "algorithms": ALGORITHMS, "grants": GRANTS}
        return self._desk.page(call, visit, "operator/app_new.html", form.status, **view)


def _snippets(call: Call, app: dict[str, Any], secret: str | None) -> Any:
    redirect_uri = next(iter(app["redirect_uris"]), "https://app.example.com/callback")
    public = app["token_endpoint_auth_method"] == "none"
    return snippets(AppValues(call.base_url, app["client_id"], secret or "THE CLIENT SECRET", redirect_uri, public))


def _body(form: Form) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": form["name"].strip(),
        "redirect_uris": lines(form["redirect_uris"]),
        "post_logout_redirect_uris": lines(form["post_logout_redirect_uris"]),
        "grant_types": [grant for grant, _ in GRANTS if form[f"grant:{grant}"]],
        "token_endpoint_auth_method": form["token_endpoint_auth_method"],
        "id_token_signed_response_alg": form["id_token_signed_response_alg"],
        "require_pushed_authorization_requests": bool(form["require_pushed_authorization_requests"]),
        "dpop_bound_access_tokens": bool(form["dpop_bound_access_tokens"]),
        "resources": lines(form["resources"]),
        "scope": " ".join(form["scope"].split()),
        "jwks": _jwks(form["jwks"]),
        "tenants": lines(form["tenants"]) or "all",
    }
    return body | {name: form[name].strip() or None for name in URLS}


def _jwks(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid_field("/jwks", "This is not JSON.") from error


def _as_form(app: dict[str, Any]) -> Form:
    kept = {**app, "tenants": [] if app["tenants"] == "all" else app["tenants"]}
    kept["jwks"] = orjson.dumps(app["jwks"]).decode() if app["jwks"] else ""
    return filled({**kept, **{f"grant:{grant}": True for grant in app["grant_types"]}})

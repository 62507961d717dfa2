"""The token inspector: what stands in a token of ours, and whether it is good. Nothing that is pasted is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from admin_ui.desk import Desk, Screen
from admin_ui.forms import Form, typed
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.clock import Clock, rfc3339
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.keys.signing import ALGORITHMS, SigningKeyRing
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from oidc.jose import BadToken, as_key, check_signature, key_set, read

MAX_TOKEN = 20_000
PATH = "/admin/token-inspector"


class Inspector:
    def __init__(self, desk: Desk, database: Database, keys: SigningKeyRing, clock: Clock) -> None:
        self._desk = desk
        self._database = database
        self._keys = keys
        self._clock = clock

    def screens(self) -> list[Screen]:
        needs = Permission.OPERATE_APPS
        return [self._desk.get(PATH, self._ask, needs=needs), self._desk.post(PATH, self._inspect, needs=needs)]

    def _ask(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(call, visit, "operator/inspector.html", form=Form(), found=None)

    def _inspect(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        text = "".join(form["token"].split())
        try:
            if len(text) > MAX_TOKEN:
                raise BadToken("form", "too long")
            found = self._found(call, text)
        except BadToken:
            problem = Form(form.values, {}, "This is not a signed token (a JWT of three parts).", 422)
            return self._desk.page(call, visit, "operator/inspector.html", 422, form=problem, found=None)
        return self._desk.page(call, visit, "operator/inspector.html", form=form, found=found)

    def _found(self, call: Call, text: str) -> dict[str, Any]:
        token = read(text)
        claims = token.claims
        owner = self._owner(call, str(claims.get("iss", "")))
        signature, good = "It names an issuer that is not this broker's.", False
        if owner is not None:
            keys = key_set([as_key(one.key, kid=one.kid, alg=one.algorithm) for one in self._keys.verifiers(owner)])
            try:
                check_signature(token, keys, ALGORITHMS)
                signature, good = f"Good, by the key {token.kid}.", True
            except BadToken as error:
                signature = f"Not good: {error}."
        now = self._clock.now().timestamp()
        expires = claims.get("exp")
        return {
            "header": json.dumps(token.header, indent=2),
            "claims": json.dumps(claims, indent=2, ensure_ascii=False),
            "signature": signature,
            "good": good,
            "type": str(token.header.get("typ", "JWT")),
            "expires": _moment(expires),
            "over": isinstance(expires, int | float) and expires <= now,
        }

    def _owner(self, call: Call, issuer: str) -> TenantId | None:
        if issuer == call.base_url:
            return PLATFORM_TRAIL
        prefix = f"{call.base_url}/t/"
        if not issuer.startswith(prefix):
            return None
        with self._database.platform(call.actor, read_only=True) as unit:
            tenant = unit[Tenants].by_slug(issuer.removeprefix(prefix)[:80])
        return tenant.tenant_id if tenant is not None else None


def _moment(seconds: Any) -> str | None:
    if not isinstance(seconds, int | float) or not 0 <= seconds < 253_402_300_800:
        return None
    return rfc3339(datetime.fromtimestamp(seconds, UTC))

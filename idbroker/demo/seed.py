"""The demo's data, made as an operator would make it: through the Admin API, with an API key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from idbroker.demo.people import ROLES, Organisation


class SeedFailed(RuntimeError):
    """The Admin API refused a call; the message has its answer."""


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client as the broker registered it."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class ScimClient:
    """Where an identity provider provisions, and with which token."""

    base_url: str
    token: str


class Operator:
    def __init__(self, base_url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=f"{base_url}/api/v1", headers=headers, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def organisation(self, organisation: Organisation, connection: dict[str, Any]) -> dict[str, Any]:
        """A tenant with its verified domain, its connection and its roles. Returns the connection."""
        tenant = self._post("/tenants", {"slug": organisation.slug, "name": organisation.name, "tier": "growth"})
        below = f"/tenants/{tenant['id']}"
        domain = self._post(f"{below}/domains", {"domain": organisation.domain})
        force = {"force": True, "reason": "the demo's domains are invented"}
        self._post(f"{below}/domains/{domain['id']}/verify", force)
        for group, role in ROLES.items():
            self._post(f"{below}/role-mappings", {"group": group, "role": role})
        return self._post(f"{below}/connections", {"name": organisation.name, "type": organisation.kind, **connection})

    def directory(self, organisation: Organisation) -> ScimClient:
        """A SCIM directory of that tenant, as an identity provider would be given it."""
        below = f"/tenants/{organisation.slug}/directories"
        made = self._post(below, {"name": f"{organisation.name} SCIM"})
        token = self._post(f"{below}/{made['id']}/tokens", {})
        return ScimClient(made["base_url"], token["token"])

    def app(self, address: str) -> Client:
        """Registers the demo app, which is served at that address."""
        made = self._post(
            "/apps",
            {
                "name": "Juniper Notes",
                "redirect_uris": [f"{address}/callback"],
                "post_logout_redirect_uris": [f"{address}/signed-out"],
                "id_token_signed_response_alg": "ES256",
            },
        )
        return Client(made["client_id"], made["client_secret"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self._http.post(path, json=body)
        if response.status_code not in (200, 201):
            raise SeedFailed(f"POST {path} answered {response.status_code}: {response.text[:500]}")
        document: dict[str, Any] = response.json()
        return document

"""A receiver of Shared Signals, written from the specifications (SSF 1.0, RFC 8417, 8935, 8936): nothing of ours but HTTP."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from idbroker.outbound.fetcher import Fetched
from tests.support.client import Client

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
EVERYTHING = [
    *(CAEP + name for name in ("session-revoked", "token-claims-change", "credential-change", "assurance-level-change")),
    *(RISC + name for name in ("account-disabled", "account-enabled", "account-purged", "identifier-changed")),
]


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class RefusedSet(Exception):
    """What the receiver finds wrong with a token (RFC 8935 2.3)."""


@dataclass
class SignalReceiver:
    """An app with its credentials, at one issuer."""

    http: Client
    issuer: str
    client_id: str
    secret: str
    tenant: str | None = None
    scope: str = "ssf.manage ssf.read"
    seen: dict[str, Any] = field(default_factory=dict)
    """``jti`` → claims."""

    def __post_init__(self) -> None:
        self.metadata = self._get(well_known(self.issuer))
        assert self.metadata["issuer"] == self.issuer
        form = {"grant_type": "client_credentials", "scope": self.scope, "client_id": self.client_id}
        form |= {"client_secret": self.secret, **({"tenant": self.tenant} if self.tenant else {})}
        answer = self.http.post(f"{self.issuer}/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        self.keys = {key["kid"]: key for key in self._get(self.metadata["jwks_uri"])["keys"]}

    def call(self, method: str, url: str, body: Any = None, **query: str) -> Any:
        return self.http.request(method, url, json=body, params=query, headers={"authorization": f"Bearer {self.token}"})

    def stream(self, endpoint: str | None = None, events: list[str] | None = None, **more: Any) -> dict[str, Any]:
        """A new stream; pushed when there is an endpoint."""
        delivery: dict[str, Any] = {"method": POLL} if endpoint is None else {"method": PUSH, "endpoint_url": endpoint}
        delivery |= {"authorization_header": more.pop("header")} if "header" in more else {}
        body = {"delivery": delivery, "events_requested": EVERYTHING if events is None else events, **more}
        answer = self.call("POST", self.metadata["configuration_endpoint"], body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        assert made["iss"] == self.issuer
        assert made["aud"] == self.client_id
        return made

    def poll(self, stream: dict[str, Any], **body: Any) -> dict[str, Any]:
        """The claims of what came, by ``jti``; acknowledged with the next poll when ``ack`` says so."""
        answer = self.call("POST", stream["delivery"]["endpoint_url"], {"returnImmediately": True, **body})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        found = answer.json()
        assert set(found) == {"sets", "moreAvailable"}
        return {jti: self.accepted(token, jti) for jti, token in found["sets"].items()}

    def accepted(self, token: str, jti: str | None = None) -> dict[str, Any]:
        """The claims. Raises RefusedSet (RFC 8417 2, SSF 4)."""
        head, body, signature = token.split(".")
        header, claims = json.loads(unpadded(head)), json.loads(unpadded(body))
        if header["typ"] != "secevent+jwt" or header["alg"] != "RS256":
            raise RefusedSet(f"invalid_request: {header}")
        key = self.keys[header["kid"]]
        numbers = RSAPublicNumbers(*(int.from_bytes(unpadded(key[name])) for name in ("e", "n")))
        numbers.public_key().verify(unpadded(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256())
        if claims["iss"] != self.issuer or claims["aud"] != self.client_id:
            raise RefusedSet("invalid_issuer or invalid_audience")
        if {"sub", "exp"} & set(claims) or len(claims["events"]) != 1 or not claims["txn"] or "format" not in claims["sub_id"]:
            raise RefusedSet(f"invalid_request: {claims}")
        if jti not in (None, claims["jti"]):
            raise RefusedSet("another jti")
        assert isinstance(claims["iat"], int)
        self.seen[claims["jti"]] = claims
        return dict(claims)

    def endpoint(self, expected_header: str | None = None) -> Any:
        """What the push address answers (RFC 8935 2.2): 202 without a body."""

        def answer(got: Any) -> Any:
            assert got.method == "POST"
            assert got.headers["content-type"] == "application/secevent+jwt"
            assert got.headers["accept"] == "application/json"
            assert got.headers.get("authorization") == expected_header
            self.accepted(got.body.decode())
            return Fetched(got.url, 202, {}, b"")

        return answer

    def _get(self, url: str) -> dict[str, Any]:
        answer = self.http.get(url)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def well_known(issuer: str) -> str:
    """SSF 7.2: between host and path."""
    scheme, _, rest = issuer.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}/.well-known/ssf-configuration{slash}{path}"


def event_of(claims: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    ((name, event),) = claims["events"].items()
    return name.rpartition("/")[2], event

"""Which setting a check's failure points at. Checks that no setting can mend are not in the table."""

from __future__ import annotations

from collections.abc import Mapping

from idbroker.federation.contract import Finding
from oidc.relying_party.advice.consoles import Topic, place

TOPICS: Mapping[str, Topic] = {
    "response.iss": "issuer",
    "response.access": "assign",
    "response.error": "redirect",
    "token_endpoint.client": "secret",
    "token_endpoint.code": "redirect",
    "token_endpoint.id_token": "claims",
    "id_token.algorithm": "algorithm",
    "id_token.iss": "issuer",
    "id_token.aud": "client",
    "id_token.azp": "client",
    "id_token.auth_time": "session",
    "id_token.acr": "session",
    "id_token.sub": "claims",
    "id_token.tid": "issuer",
    "id_token.hd": "claims",
    "person.claims": "claims",
    "person.email": "email",
    "person.email_trust": "email",
    "person.groups": "groups",
    "person.subject": "claims",
}


def placed(finding: Finding, vendor: str) -> str:
    """The finding's advice, and behind it where to click."""
    topic = TOPICS.get(finding.check)
    return finding.advice if topic is None else f"{finding.advice} {place(vendor, topic)}".strip()

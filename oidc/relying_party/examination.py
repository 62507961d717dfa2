"""One answer of the IdP on its way through the checks: what they found, and what was received, for whoever must mend it.

A code can be exchanged only once, so the sign-in itself is the one moment to diagnose: a refusal takes everything along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from idbroker.federation.contract import ConnectionConfig, Finding, Received, ReplyRefused
from idbroker.federation.profile import AmbiguousClaim, map_profile
from oidc.jose import Json, UnverifiedToken
from oidc.relying_party.advice.topics import placed
from oidc.relying_party.checks import Check, verdict
from oidc.relying_party.faults import AFTER, BETWEEN, Step, finding_of, passed, unrun
from oidc.relying_party.settings import RpSettings

E = TypeVar("E")
MAX_TEXT = 64 * 1024
MAX_CLAIMS = 200
MAX_VALUES = 500
MAX_VALUE = 2000


class Examination:
    def __init__(self, connection: ConnectionConfig, settings: RpSettings, now: datetime) -> None:
        self._connection = connection
        self._settings = settings
        self._now = now
        self._findings: list[Finding] = []
        self._told: dict[str, Json] = {}

    def received(self, token: UnverifiedToken | None) -> None:
        """The ID token as it came. Its signature is left out: what is kept can sign nobody in."""
        if token is not None:
            self._told |= {"id_token_header": token.header, "id_token": token.claims}

    def completed(self, claims: Json, merged: Json) -> None:
        """What userinfo has added."""
        added = {name: value for name, value in merged.items() if name not in claims}
        if added:
            self._told["userinfo"] = added

    def run(self, checks: Sequence[Check[E]], evidence: E) -> None:
        """Raises ReplyRefused with all that was found so far, and to the end of this list."""
        try:
            self._findings += verdict(checks, evidence)
        except ReplyRefused as refusal:
            self._findings += refusal.findings
            raise self._whole(refusal) from refusal

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """What is refused inside becomes a finding of that step."""
        try:
            yield
        except ReplyRefused as refusal:
            self._findings.append(finding_of(refusal, step, self._settings, self._now))
            raise self._whole(refusal) from refusal
        else:
            self._findings += [passed(name) for name in (*BETWEEN, *AFTER) if name.startswith(f"{step}.")]

    def note(self, finding: Finding) -> None:
        """Something that an admin should see although nothing failed; in the place of what was found under that name."""
        kept = [one for one in self._findings if one.check != finding.check]
        self._findings = [*kept, replace(finding, advice=placed(finding, self._connection.vendor) if finding.advice else "")]

    @property
    def findings(self) -> tuple[Finding, ...]:
        vendor = self._connection.vendor
        return tuple(replace(one, advice=placed(one, vendor)) if one.outcome == "fail" else one for one in self._findings)

    def seen(self) -> Received:
        """Claims by name, the profile as far as one can be made of them, and all of it as text."""
        claims: Json = {**self._told.get("userinfo", {}), **self._told.get("id_token", {})}
        attributes = {name: _texts(value) for name, value in list(claims.items())[:MAX_CLAIMS]}
        text = json.dumps(self._told, indent=2, ensure_ascii=False)[:MAX_TEXT] if self._told else ""
        return Received(attributes, _mapped(attributes, self._connection.attribute_mapping), text)

    def _whole(self, refusal: ReplyRefused) -> ReplyRefused:
        return ReplyRefused(
            refusal.code,
            refusal.public,
            findings=self.findings,
            detail=refusal.detail,
            status=refusal.status,
            received=self.seen(),
        )


def _texts(value: Any) -> list[str]:
    values = value[:MAX_VALUES] if isinstance(value, list) else [value]
    return [(one if isinstance(one, str) else json.dumps(one))[:MAX_VALUE] for one in values]


def _mapped(attributes: Mapping[str, Sequence[str]], mapping: Mapping[str, str]) -> dict[str, Any]:
    try:
        profile = map_profile(attributes, mapping).as_document()
    except AmbiguousClaim:
        return {}
    subject = next(iter(attributes.get(mapping.get("subject", "sub"), ())), None)
    named = {} if subject is None else {"subject": subject}
    return {**named, **{name: list(value) if isinstance(value, tuple) else value for name, value in profile.items()}}


def skeleton(reply: Sequence[Finding], id_token: Sequence[Finding], why: str) -> list[Finding]:
    """The whole list in order, with what can be said without exchanging the code."""
    between, after = ([unrun(name, why) for name in names] for names in (BETWEEN, AFTER))
    return [*reply, *between, *id_token, *after]

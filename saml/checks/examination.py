"""What the checks work on, and how a list of them becomes a verdict or a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from idbroker.federation.contract import AttemptRef, ConnectionConfig, Finding, Stage, UnverifiedReply
from idbroker.federation.profile import Profile
from saml.decryption import EncryptionFacts
from saml.faults import FAULTS
from saml.keys import ConnectionKeys
from saml.settings import IdpSettings, SpAddresses
from saml.signature import SignatureFacts
from saml.xml_guard import Element

MAX_SHOWN = 300
"""Characters of a message's content that a finding repeats."""


class Failed(Exception):
    """A check says no. ``code`` stands in ``saml.faults``."""

    def __init__(self, code: str, *, expected: str = "", received: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected
        self.received = received


class NotApplicable(Exception):
    """A check has nothing to look at in this message."""


class NotReached(Exception):
    """A check needs what an earlier one that failed would have established."""


T = TypeVar("T")


def needed(value: T | None) -> T:
    """A result of an earlier check. Raises NotReached when there is none."""
    if value is None:
        raise NotReached
    return value


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One bearer SubjectConfirmation with its data."""

    data: Element


@dataclass(slots=True)
class Signatures:
    """The signatures of a message by what they are about."""

    response: SignatureFacts | None = None
    assertion: SignatureFacts | None = None


@dataclass(slots=True)
class Examination:
    """One reply under examination. The first group is given; each check fills in what it establishes."""

    connection: ConnectionConfig
    keys: ConnectionKeys
    sp: SpAddresses
    reply: UnverifiedReply
    attempt: AttemptRef | None
    expected_request: str | None
    now: datetime

    encoded: str | None = None
    data: bytes | None = None
    text: str | None = None
    document: Element | None = None
    """The message as it came: unverified. Used to refuse, never to believe."""
    signatures: Signatures | None = None
    encrypted: Element | None = None
    encryption: EncryptionFacts | None = None

    verified_response: Element | None = None
    """Re-parsed from the bytes that the response's signature covers."""
    decrypted: Element | None = None
    assertion: Element | None = None
    """Re-parsed from signed bytes. While ``trusted`` is false it is a guess that only a diagnosis may look at."""
    trusted: bool = False

    confirmations: tuple[Confirmation, ...] = ()
    valid_until: datetime | None = None
    name_id: Element | None = None
    subject: str | None = None
    attributes: dict[str, list[str]] | None = None
    profile: Profile | None = None

    @property
    def idp(self) -> IdpSettings:
        return self.keys.settings.idp

    @property
    def skew(self) -> timedelta:
        return timedelta(seconds=self.connection.options.clock_skew_seconds)

    @property
    def sha1_allowed(self) -> bool:
        last_day = self.connection.options.allow_sha1_until
        return last_day is not None and self.now.date() <= last_day


@dataclass(frozen=True, slots=True)
class Check:
    """One question to a reply. ``ask`` answers what it saw, or raises Failed or NotApplicable."""

    name: str
    stage: Stage
    spec: str
    ask: Callable[[Examination], str]


def examine(check: Check, examination: Examination) -> tuple[Finding, str | None]:
    """The finding of one check, and the code of its failure if it failed."""
    try:
        seen = check.ask(examination)
    except NotApplicable as nothing:
        return Finding(check.name, check.stage, "skip", check.spec, advice=str(nothing)), None
    except NotReached:
        advice = "Could not be checked, because an earlier check failed."
        return Finding(check.name, check.stage, "skip", check.spec, advice=advice), None
    except Failed as failure:
        return _failed(check, failure), failure.code
    except Exception as error:  # noqa: BLE001 - whatever a hostile message breaks in a library, it ends as a refusal
        broken = Failed("saml_check_broken", received=f"{type(error).__name__}: {error}")
        return _failed(check, broken), broken.code
    return Finding(check.name, check.stage, "pass", check.spec, received=seen[:MAX_SHOWN]), None


def _failed(check: Check, failure: Failed) -> Finding:
    return Finding(
        check.name,
        check.stage,
        "fail",
        check.spec,
        expected=failure.expected[:MAX_SHOWN],
        received=failure.received[:MAX_SHOWN],
        advice=FAULTS[failure.code].advice,
    )


def verdict(checks: Sequence[Check], examination: Examination) -> tuple[list[Finding], str | None]:
    """Run the list up to the first failure. Answers the findings so far and the code of that failure."""
    findings: list[Finding] = []
    for check in checks:
        finding, code = examine(check, examination)
        findings.append(finding)
        if code is not None:
            return findings, code
    return findings, None

"""What the checks work on, and how a list of them becomes a verdict or a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from idbroker.federation.contract import AttemptRef, ConnectionConfig, Finding, Stage, UnverifiedReply
from idbroker.federation.profile import Profile
from saml.decryption import EncryptionFacts
from saml.faults import FAULTS
from saml.keys import ConnectionKeys
from saml.settings import IdpSettings, SpAddresses
from saml.signature import SignatureFacts
from saml.xml_guard import Element, Survey

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
    survey: Survey | None = None
    """Of ``document``."""
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
    plain_name_id: Element | None = None
    """The NameID that came out of an EncryptedID."""
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


E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Check(Generic[E]):
    """One question to a message under examination. ``ask`` answers what it saw, or raises Failed or NotApplicable."""

    name: str
    stage: Stage
    spec: str
    ask: Callable[[E], str]


Seen = str | NotApplicable | NotReached | Failed
"""What a check answered: what it saw, or why not."""


def ask(check: Check[E], examination: E) -> Seen:
    """Put one check's question. Whatever a hostile message breaks in a library ends as a failure."""
    try:
        return check.ask(examination)
    except (NotApplicable, NotReached, Failed) as answer:
        return answer
    except Exception as error:  # noqa: BLE001 - see above
        return Failed("saml_check_broken", received=f"{type(error).__name__}: {error}")


def finding(check: Check[E], seen: Seen) -> Finding:
    """A check's answer as an admin reads it, with the advice that holds for every vendor."""
    if isinstance(seen, str):
        return Finding(check.name, check.stage, "pass", check.spec, received=seen[:MAX_SHOWN])
    if isinstance(seen, NotApplicable):
        return Finding(check.name, check.stage, "skip", check.spec, advice=str(seen))
    if isinstance(seen, NotReached):
        advice = "Could not be checked, because an earlier check failed."
        return Finding(check.name, check.stage, "skip", check.spec, advice=advice)
    return Finding(
        check.name,
        check.stage,
        "fail",
        check.spec,
        expected=seen.expected[:MAX_SHOWN],
        received=seen.received[:MAX_SHOWN],
        advice=FAULTS[seen.code].advice,
    )


def verdict(checks: Sequence[Check[E]], examination: E) -> tuple[list[tuple[Check[E], Seen]], Failed | None]:
    """Run the list up to the first failure: the answers so far, and that failure.

    Findings are made of them only when somebody will read them; making them costs a tenth of a good answer.
    """
    answers: list[tuple[Check[E], Seen]] = []
    for check in checks:
        seen = ask(check, examination)
        answers.append((check, seen))
        if isinstance(seen, Failed):
            return answers, seen
    return answers, None

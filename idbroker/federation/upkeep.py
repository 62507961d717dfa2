"""Looking after a connection once it works: the part of a protocol that refresh, candidates and key changes ask.

A protocol without upkeep of its own gets ``PlainUpkeep``: nothing is re-read, and every difference waits for an admin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, Document
from idbroker.kernel.errors import Conflict

Settings = Mapping[str, Any]
Policy = Literal["take", "hold"]
Kind = Literal["added", "removed", "changed"]
RolloverStep = Literal["begin", "finish", "cancel"]


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """One difference between two settings of a connection. ``take``: harmless enough to happen by itself."""

    field: str
    kind: Kind
    before: Any
    after: Any
    policy: Policy

    def as_document(self) -> Document:
        return {
            "field": self.field,
            "kind": self.kind,
            "before": self.before,
            "after": self.after,
            "policy": self.policy,
        }


def changed_value(name: str, before: Any, after: Any, policy: Policy = "hold") -> list[SettingsChange]:
    """The change of one value; nothing when it is the same."""
    if before == after:
        return []
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    return [SettingsChange(name, kind, before, after, policy)]


@dataclass(frozen=True, slots=True)
class Source:
    """Where settings were read from, and how soon they want to be read again."""

    url: str
    cache_seconds: int | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """What the source says now. ``draft`` is None where it has not changed since ``etag``."""

    draft: ConnectionDraft | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class KnownCertificate:
    """A certificate that sign-ins depend on. ``sha256`` in lower-case hex."""

    sha256: str
    not_after: datetime


class Upkeep(Protocol):
    """Pure but for ``reread``, which calls the world and so is never run inside a transaction."""

    def source(self, settings: Settings) -> Source | None: ...

    def reread(self, connection: ConnectionConfig, etag: str | None) -> Reread:
        """Read the source again. Raises Refusal when it cannot be read or understood, Conflict when there is none."""
        ...

    def difference(self, before: Settings, after: Settings) -> Sequence[SettingsChange]:
        """What would change, without what is ours (our keys and addresses)."""
        ...

    def taken(self, live: ConnectionConfig, after: Settings) -> Settings:
        """The live settings with as many changes of policy ``take`` in them as are safe without the others."""
        ...

    def rebased(self, settings: Settings, secrets: Mapping[str, str], live: ConnectionConfig) -> ConnectionDraft:
        """The IdP's side of ``settings`` with our side as it is live now."""
        ...

    def certificates(self, settings: Settings) -> Sequence[KnownCertificate]: ...

    def secret_ends(self, settings: Settings) -> datetime | None:
        """When the secret that we prove ourselves with ends, as an admin has told; None when it does not, or nobody told."""
        ...

    def roll_over(self, connection: ConnectionConfig, step: RolloverStep) -> ConnectionDraft:
        """Our keys after that step. Raises Conflict when the step is not possible."""
        ...


class PlainUpkeep:
    """Implements ``Upkeep`` for settings that are the IdP's altogether."""

    def source(self, settings: Settings) -> Source | None:
        del settings
        return None

    def reread(self, connection: ConnectionConfig, etag: str | None) -> Reread:
        raise no_metadata_url()

    def difference(self, before: Settings, after: Settings) -> Sequence[SettingsChange]:
        names = sorted({*before, *after})
        return [change for name in names for change in changed_value(name, before.get(name), after.get(name))]

    def taken(self, live: ConnectionConfig, after: Settings) -> Settings:
        del after
        return live.settings

    def rebased(self, settings: Settings, secrets: Mapping[str, str], live: ConnectionConfig) -> ConnectionDraft:
        return ConnectionDraft(settings, secrets, live.vendor)

    def certificates(self, settings: Settings) -> Sequence[KnownCertificate]:
        del settings
        return ()

    def secret_ends(self, settings: Settings) -> datetime | None:
        del settings
        return None

    def roll_over(self, connection: ConnectionConfig, step: RolloverStep) -> ConnectionDraft:
        raise Conflict("no_sp_keys", f"A connection of type {connection.protocol} has no keys of ours that could be changed.")


Upkeeps = Mapping[str, Upkeep]
"""By the protocol's name."""


def no_metadata_url() -> Conflict:
    return Conflict("no_metadata_url", "This connection was not made from a metadata URL, so there is nothing to read again.")

"""Staged change: a configuration that stands beside the live one, is tried by test sign-ins, and takes its place in one call.

Our side (addresses, entity id, keys) is the connection's and stays as it is, so that an IdP needs to be told nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from idbroker.audit.outbox import Outbox
from idbroker.connections.candidate_rows import (
    ADMIN,
    REFRESH,
    Candidates,
    ConnectionCandidate,
    PreviousConfiguration,
    PreviousConfigurations,
)
from idbroker.connections.configuration import OURS, Configuration, Told, difference, live_configuration, put_in_place
from idbroker.connections.model import Connection
from idbroker.connections.refresh_rows import MetadataRefreshes
from idbroker.connections.service import ConnectionForm, ConnectionService, parse_options, resource
from idbroker.federation.contract import ConnectionConfig, Document
from idbroker.federation.options import ConnectionOptions
from idbroker.federation.upkeep import SettingsChange
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from idbroker.kernel.event import Event
from idbroker.kernel.ids import new_id
from idbroker.storage.unit import TenantUnit

MAX_CANDIDATES = 10
NOT_STAGED = frozenset(ConnectionForm.model_fields) - {"vendor", "options", "attribute_mapping"}


class CandidateForm(BaseModel):
    """What is to be tried: the protocol's fields, and whatever else of the connection belongs to the IdP."""

    model_config = ConfigDict(extra="allow", frozen=True)

    label: Annotated[str, Field(max_length=200)] = ""
    vendor: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    attribute_mapping: dict[str, Annotated[str, Field(min_length=1, max_length=512)]] = Field(default_factory=dict)


class CandidateService:
    def __init__(self, connections: ConnectionService) -> None:
        self._connections = connections

    def draft(self, form: CandidateForm, current: ConnectionConfig) -> Configuration:
        """What the protocol understands. May call the IdP, so it happens outside any transaction."""
        given = form.model_extra or {}
        misplaced = [FieldError(f"/{name}", "belongs to the connection itself") for name in given if name in NOT_STAGED]
        if misplaced:
            raise Invalid("A candidate is another configuration of the same connection.", misplaced)
        whole = ConnectionForm(
            type=current.protocol,
            name="candidate",
            vendor=form.vendor,
            options=form.options,
            attribute_mapping=form.attribute_mapping,
            **given,
        )
        drafted = self._connections.draft(whole, current.id, current)
        options = parse_options(form.options)
        for name in OURS:
            if getattr(options, name) != getattr(current.options, name):
                raise invalid_field(
                    f"/options/{name}", "This is our side of the connection; change it on the connection itself."
                )
        return Configuration(
            vendor=form.vendor or drafted.vendor,
            settings=drafted.settings,
            options=options.model_dump(mode="json", exclude_defaults=True),
            attribute_mapping=form.attribute_mapping,
            warnings=[{"code": warn.code, "message": warn.message} for warn in drafted.warnings],
            secrets=drafted.secrets,
        )

    def add(
        self,
        unit: TenantUnit,
        row: Connection,
        wanted: Configuration,
        *,
        label: str = "",
        origin: str = ADMIN,
        digest: str = "",
    ) -> ConnectionCandidate:
        """Let it stand beside the live configuration."""
        if len(unit[Candidates].page(row.id, limit=MAX_CANDIDATES)) >= MAX_CANDIDATES:
            raise Conflict("too_many_candidates", f"A connection can have {MAX_CANDIDATES} candidates. Remove one.")
        candidate = ConnectionCandidate(
            tenant_id=unit.scope.tenant,
            id=new_id("can"),
            connection_id=row.id,
            label=label,
            origin=origin,
            vendor=wanted.vendor,
            settings=dict(wanted.settings),
            secrets_sealed=b"",
            options=dict(wanted.options),
            attribute_mapping=dict(wanted.attribute_mapping),
            warnings=[dict(warning) for warning in wanted.warnings],
            content_digest=digest,
            created_at=unit.clock.now(),
        )
        candidate.secrets_sealed = self._connections.seal(unit, candidate.id, wanted.secrets)
        unit[Candidates].add(candidate)
        action = "connection.metadata_held" if origin == REFRESH else "connection.candidate_added"
        changes = difference(self._connections, row, wanted)
        told = {
            "candidate_id": candidate.id,
            "live_version": row.version,
            "difference": [change.as_document() for change in changes],
        }
        unit[Outbox].record(Event(action, resource(row), context=told))
        return candidate

    def known(self, unit: TenantUnit, connection_id: str, candidate_id: str) -> ConnectionCandidate:
        candidate = unit[Candidates].get(candidate_id)
        if candidate is None or candidate.connection_id != connection_id:
            raise NotFound("candidate")
        return candidate

    def open(self, unit: TenantUnit, row: Connection, candidate: ConnectionCandidate) -> ConnectionConfig:
        """The connection as it would be. Its version is negative: no cache takes it for the live one."""
        live = self._connections.open(unit, row)
        wanted = self._wanted(unit, live, candidate)
        mark = hashlib.sha256(f"{candidate.id}:{row.version}".encode()).digest()
        return replace(
            live,
            version=-1 - int.from_bytes(mark[:7], "big"),
            vendor=wanted.vendor,
            settings=wanted.settings,
            secrets=wanted.secrets,
            options=ConnectionOptions(**wanted.options),
            attribute_mapping=wanted.attribute_mapping,
        )

    def document(self, unit: TenantUnit, row: Connection, candidate: ConnectionCandidate) -> Document:
        """What it says, and what would change; no secret is in it."""
        config = self.open(unit, row, candidate)
        changes = difference(self._connections, row, self._wanted(unit, self._connections.open(unit, row), candidate))
        return {
            "id": candidate.id,
            "connection_id": candidate.connection_id,
            "label": candidate.label,
            "origin": candidate.origin,
            "vendor": candidate.vendor,
            **self._connections.protocol(row.type).describe(config),
            "options": config.options.model_dump(mode="json"),
            "attribute_mapping": candidate.attribute_mapping,
            "warnings": candidate.warnings,
            "difference": [change.as_document() for change in changes],
            "live_version": row.version,
            "created_at": rfc3339(candidate.created_at),
        }

    def promote(self, unit: TenantUnit, row: Connection, candidate_id: str, seen: int | None = None) -> None:
        """Make it the live configuration and keep the present one for the way back.

        Raises Conflict when the connection is not of version ``seen`` any more, or somebody else was faster.
        """
        if seen is not None and seen != row.version:
            raise Conflict("connection_changed", "The connection was changed by another request meanwhile. Try again.")
        candidate = self.known(unit, row.id, candidate_id)
        wanted = self._wanted(unit, self._connections.open(unit, row), candidate)
        if not unit[Candidates].take(candidate_id):
            raise NotFound("candidate")
        context = {"candidate_id": candidate_id, "origin": candidate.origin}
        self._swap(unit, row, wanted, Told("connection.candidate_promoted", context))

    def roll_back(self, unit: TenantUnit, row: Connection) -> None:
        """Restore what the connection had before the last promotion or roll-back. Raises Conflict when there is nothing."""
        previous = unit[PreviousConfigurations].get(row.id)
        if previous is None:
            raise Conflict("nothing_to_roll_back", "No candidate was promoted before, so there is nothing to go back to.")
        secrets = self._connections.unseal(unit, _previous_key(row.id), previous.secrets_sealed)
        live = self._connections.open(unit, row)
        draft = self._connections.upkeep(row.type).rebased(previous.settings, secrets, live)
        wanted = Configuration(
            vendor=previous.vendor,
            settings=draft.settings,
            options=_with_ours(previous.options, row.options),
            attribute_mapping=previous.attribute_mapping,
            warnings=previous.warnings,
            secrets=draft.secrets,
        )
        self._swap(unit, row, wanted, Told("connection.rolled_back", {"to_version": previous.version}))

    def remove(self, unit: TenantUnit, row: Connection, candidate_id: str) -> None:
        """An admin's no. What a refresh proposed is not proposed again as long as it says the same."""
        candidate = self.known(unit, row.id, candidate_id)
        if not unit[Candidates].take(candidate_id):
            raise NotFound("candidate")
        if candidate.origin == REFRESH:
            unit[MetadataRefreshes].kept(row.id).dismissed = candidate.content_digest
        context = {"candidate_id": candidate_id, "origin": candidate.origin}
        unit[Outbox].record(Event("connection.candidate_removed", resource(row), context=context))

    def hold(self, unit: TenantUnit, row: Connection, wanted: Configuration, held: Sequence[SettingsChange]) -> str | None:
        """What a refresh may not take by itself waits for an admin's word. The candidate's id; None when there is none."""
        digest = hashlib.sha256(json.dumps([(c.field, c.after) for c in held], sort_keys=True).encode()).hexdigest()
        standing = unit[Candidates].held(row.id)
        for candidate in standing:
            if candidate.content_digest == digest:
                return candidate.id
        if unit[MetadataRefreshes].kept(row.id).dismissed == digest:
            return None
        self.release(unit, row)
        return self.add(unit, row, wanted, label="metadata", origin=REFRESH, digest=digest).id

    def release(self, unit: TenantUnit, row: Connection) -> None:
        """What earlier refreshes proposed is overtaken."""
        for candidate in unit[Candidates].held(row.id):
            if unit[Candidates].take(candidate.id):
                context = {"candidate_id": candidate.id, "origin": REFRESH}
                unit[Outbox].record(Event("connection.candidate_removed", resource(row), context=context))

    def _swap(self, unit: TenantUnit, row: Connection, wanted: Configuration, told: Told) -> None:
        before = live_configuration(self._connections, unit, row)
        version = row.version
        put_in_place(self._connections, unit, row, wanted, told)
        unit[PreviousConfigurations].put(
            PreviousConfiguration(
                tenant_id=unit.scope.tenant,
                connection_id=row.id,
                version=version,
                vendor=before.vendor,
                settings=dict(before.settings),
                secrets_sealed=self._connections.seal(unit, _previous_key(row.id), before.secrets),
                options=dict(before.options),
                attribute_mapping=dict(before.attribute_mapping),
                warnings=[dict(warning) for warning in before.warnings],
                replaced_at=unit.clock.now(),
            )
        )

    def _wanted(self, unit: TenantUnit, live: ConnectionConfig, candidate: ConnectionCandidate) -> Configuration:
        """The candidate's configuration with our side as it is live now."""
        secrets = self._connections.unseal(unit, candidate.id, candidate.secrets_sealed)
        draft = self._connections.upkeep(live.protocol).rebased(candidate.settings, secrets, live)
        ours = live.options.model_dump(mode="json", exclude_defaults=True)
        return Configuration(
            vendor=candidate.vendor,
            settings=draft.settings,
            options=_with_ours(candidate.options, ours),
            attribute_mapping=candidate.attribute_mapping,
            warnings=candidate.warnings,
            secrets=draft.secrets,
        )


def _with_ours(options: Any, live: Any) -> dict[str, Any]:
    kept = {name: value for name, value in options.items() if name not in OURS}
    return kept | {name: live[name] for name in OURS if name in live}


def _previous_key(connection_id: str) -> str:
    return f"previous:{connection_id}"

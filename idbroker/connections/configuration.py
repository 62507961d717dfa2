"""Putting another configuration in the place of the live one: versions counted, secrets sealed, the change told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connection, Connections
from idbroker.connections.service import ConnectionService, resource
from idbroker.federation.contract import ConnectionDraft
from idbroker.federation.upkeep import SettingsChange
from idbroker.kernel.event import Change, Event
from idbroker.storage.unit import TenantUnit

OURS = ("sp_entity_id", "acs_url_aliases")
"""Options that are our side of a connection: what an IdP has been told stays, whatever stands on its side."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of a connection that belongs to one IdP. ``options`` without defaults, as they are stored."""

    vendor: str
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    attribute_mapping: Mapping[str, str]
    warnings: Sequence[Mapping[str, str]]
    secrets: Mapping[str, str] = field(repr=False)


def live_configuration(service: ConnectionService, unit: TenantUnit, row: Connection) -> Configuration:
    return Configuration(
        vendor=row.vendor,
        settings=row.settings,
        options=row.options,
        attribute_mapping=row.attribute_mapping,
        warnings=row.warnings,
        secrets=service.open(unit, row).secrets,
    )


def configured_by(draft: ConnectionDraft, like: Configuration) -> Configuration:
    """What the draft says, and for the rest what ``like`` has."""
    return Configuration(
        vendor=like.vendor,
        settings=draft.settings,
        options=like.options,
        attribute_mapping=like.attribute_mapping,
        warnings=[{"code": warn.code, "message": warn.message} for warn in draft.warnings],
        secrets=draft.secrets,
    )


def difference(service: ConnectionService, row: Connection, wanted: Configuration) -> list[SettingsChange]:
    """Field by field, from what is live to what is wanted. Secrets are never in it."""
    changes = list(service.upkeep(row.type).difference(row.settings, wanted.settings))
    for name in ("vendor", "options", "attribute_mapping"):
        before, after = getattr(row, name), getattr(wanted, name)
        if before != after:
            changes.append(SettingsChange(name, before, after, "hold"))
    return changes


def put_in_place(
    service: ConnectionService,
    unit: TenantUnit,
    row: Connection,
    wanted: Configuration,
    action: str,
    context: Mapping[str, Any],
) -> list[SettingsChange]:
    """Make it the live one. Raises Conflict when somebody else changed the connection since ``row`` was read."""
    changes = difference(service, row, wanted)
    allowed_before = row.options.get("allow_sha1_until")
    unit[Connections].claim(row)
    row.vendor = wanted.vendor
    row.settings = dict(wanted.settings)
    row.options = dict(wanted.options)
    row.attribute_mapping = dict(wanted.attribute_mapping)
    row.warnings = [dict(warning) for warning in wanted.warnings]
    row.secrets_sealed = service.seal(unit, row.id, wanted.secrets)
    row.updated_at = unit.clock.now()
    told = {change.field: Change(change.before, change.after) for change in changes}
    unit[Outbox].record(Event(action, resource(row), told, context=context))
    service.settled(unit, row, allowed_before)
    return changes

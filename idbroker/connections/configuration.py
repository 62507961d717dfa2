"""Putting another configuration in the place of the live one: versions counted, secrets sealed, the change told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connection, Connections
from idbroker.connections.service import ConnectionService, resource
from idbroker.federation.contract import ConnectionDraft
from idbroker.federation.upkeep import SettingsChange, changed_value
from idbroker.kernel.event import Change, Event
from idbroker.storage.unit import TenantUnit

OURS = ("sp_entity_id", "acs_url_aliases", "request_acs_url", "request_redirect_uri")
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


@dataclass(frozen=True, slots=True)
class Told:
    """How the trail names a change, beside the change itself."""

    action: str
    context: Mapping[str, Any]


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
        changes += changed_value(name, getattr(row, name), getattr(wanted, name))
    return changes


def as_told(changes: Sequence[SettingsChange]) -> dict[str, Change]:
    """Field by field, as an event has them; where a field has several changes (certificates), lists of what went and came."""
    told: dict[str, Change] = {}
    for name in dict.fromkeys(change.field for change in changes):
        same = [change for change in changes if change.field == name]
        if len(same) == 1:
            told[name] = Change(same[0].before, same[0].after)
        else:
            gone, come = [c.before for c in same if c.before is not None], [c.after for c in same if c.after is not None]
            told[name] = Change(gone, come)
    return told


def put_in_place(
    service: ConnectionService,
    unit: TenantUnit,
    row: Connection,
    wanted: Configuration,
    told: Told,
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
    unit[Outbox].record(Event(told.action, resource(row), as_told(changes), context=told.context))
    service.settled(unit, row, allowed_before)
    return changes

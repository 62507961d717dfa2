"""Changing a connection's own key without a day on which nobody can sign in: publish two, wait for the IdP, drop the old one.

Pure: each function takes the connection and answers the draft that stands afterwards; the caller keeps it, as it keeps
any other draft. While a roll-over is under way the present key signs, both decrypt, and the metadata lists both.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft
from idbroker.kernel.errors import Conflict
from saml.keys import new_key_pair
from saml.settings import SP_KEY, SP_KEY_NEXT, read_settings


def begin_sp_key_rollover(connection: ConnectionConfig, now: datetime) -> ConnectionDraft:
    """A second pair beside the present one (about 100 ms). Raises Conflict when a roll-over is under way already."""
    settings = read_settings(connection)
    if settings.next_sp_certificate is not None:
        raise Conflict(
            "sp_key_rollover_running", "A new key of this connection is published already. Finish or cancel that first."
        )
    pair = new_key_pair(f"idbroker {connection.id}", now)
    changed = replace(settings, next_sp_certificate=pair.certificate_pem)
    return ConnectionDraft(changed.as_document(), {**connection.secrets, SP_KEY_NEXT: pair.private_pem}, connection.vendor)


def finish_sp_key_rollover(connection: ConnectionConfig) -> ConnectionDraft:
    """The next key takes the present one's place, which is forgotten. Raises Conflict when there is none."""
    settings = read_settings(connection)
    following = _following(connection)
    changed = replace(settings, sp_certificate=settings.next_sp_certificate or "", next_sp_certificate=None)
    kept = {name: value for name, value in connection.secrets.items() if name != SP_KEY_NEXT}
    return ConnectionDraft(changed.as_document(), {**kept, SP_KEY: following}, connection.vendor)


def cancel_sp_key_rollover(connection: ConnectionConfig) -> ConnectionDraft:
    """The next key is forgotten, the present one stays. Raises Conflict when there is none."""
    _following(connection)
    changed = replace(read_settings(connection), next_sp_certificate=None)
    kept = {name: value for name, value in connection.secrets.items() if name != SP_KEY_NEXT}
    return ConnectionDraft(changed.as_document(), kept, connection.vendor)


def _following(connection: ConnectionConfig) -> str:
    following = connection.secrets.get(SP_KEY_NEXT)
    if following is None or read_settings(connection).next_sp_certificate is None:
        raise Conflict(
            "no_sp_key_rollover", "No new key of this connection is published that could take the present one's place."
        )
    return following

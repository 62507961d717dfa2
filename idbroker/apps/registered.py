"""An app as the endpoints read it at every request: shared, read-only, and as new as the transaction."""

from __future__ import annotations

import hmac
from typing import cast

from idbroker.apps.model import App
from idbroker.kernel.secrets import digest
from idbroker.storage.statements import clients
from idbroker.storage.unit import PlatformUnit


def read_app(unit: PlatformUnit, client_id: str) -> App | None:
    """To be read and never changed: what changes an app goes through ``Apps``."""
    return cast("App | None", clients.client(unit, client_id)[0])


def app_with_secret(unit: PlatformUnit, client_id: str, presented: str) -> tuple[App | None, bool]:
    """The app, and whether ``presented`` is one of its live secrets. The time does not tell which one, nor how nearly."""
    found, digests = clients.client(unit, client_id)
    given = digest(presented)  # in every case, so that an unknown client takes as long as a wrong secret
    return cast("App | None", found), sum(hmac.compare_digest(given, known) for known in digests) > 0

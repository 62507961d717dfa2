"""Routes as rows of a table. No field has a default, so that forgetting a scope, a limit or a permission does not type-check.

    OpenRoute       proves its caller by itself: browsers in a sign-in, OAuth clients, caches
    PlatformRoute   an API key with the permission; works in the operator's unit
    TenantRoute     the same for the tenant in the path; works in that tenant's unit
    ScopedRoute     the same, opens its units itself, because it calls the world in between
    KeyRoute        any API key with the permission; what it reaches follows from its principal, and no path names it
    PageRoute       a session of administration with the permission; a form must be ours; works through the Admin API's rows

The tenant of a path is believed only after the key: any other tenant's id is 404, as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.kernel.scope import TenantScope
from idbroker.limits.names import LimitName, Unlimited
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.web.call import Answer, Call

ErrorFace = Callable[[Refusal, Call], Answer]
"""Turns a refusal into its wire form: problem document, OAuth error, page."""

Named = Callable[[PlatformUnit, Call], str | None]
"""Which tenant a call means whose path names none: its slug or id, None for none."""

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]


class NotHere(Exception):
    """An inline handler would have to wait this once: the edge runs ``OpenRoute.waiting`` in a thread instead."""


def named_in_query(unit: PlatformUnit, call: Call) -> str | None:
    """``?tenant=``."""
    del unit
    return call.query.get("tenant")


@dataclass(frozen=True, kw_only=True)
class OpenRoute:
    method: Method
    path: str
    handler: Callable[[Call], Answer]
    limit: LimitName | Unlimited
    errors: ErrorFace
    inline: bool
    """Run on the event loop: only for what neither waits nor computes."""
    waiting: Callable[[Call], Answer] | None = None
    """What runs in a thread when an inline handler raises NotHere."""


@dataclass(frozen=True, kw_only=True)
class PlatformRoute:
    method: Method
    path: str
    handler: Callable[[Call, PlatformUnit], Answer]
    limit: LimitName
    permission: Permission
    whose: Named | None = None
    """Where one tenant's data can be read by it: an operator who does has looked into that tenant."""


@dataclass(frozen=True, kw_only=True)
class TenantRoute:
    method: Method
    path: str
    """Holds ``{tenant}``."""
    handler: Callable[[Call, TenantUnit], Answer]
    limit: LimitName
    permission: Permission


@dataclass(frozen=True, kw_only=True)
class ScopedRoute:
    method: Method
    path: str
    """Holds ``{tenant}``."""
    handler: Callable[[Call, TenantScope], Answer]
    limit: LimitName
    permission: Permission


@dataclass(frozen=True, kw_only=True)
class KeyRoute:
    method: Method
    path: str
    handler: Callable[[Call, Principal], Answer]
    limit: LimitName
    permission: Permission
    whose: Named | None = None
    """Where one tenant's data can be read by it: an operator who does has looked into that tenant."""


@dataclass(frozen=True, kw_only=True)
class PageRoute:
    method: Literal["GET", "POST"]
    """A POST is a form with the session's token, from our own origin."""
    path: str
    """May hold ``{tenant}``: then the visit knows the tenant."""
    handler: Callable[[Call, Visit], Answer]
    limit: LimitName
    permission: Permission
    errors: ErrorFace
    session: Literal["admin", "setup"]
    inside: bool
    """Within a tenant's administration: an operator must have entered it, saying why."""


ANYWHERE = "/{anywhere:path}"
"""Every address that no other row has: one row may take it, and answers 404 for whatever it does not know."""

Row = OpenRoute | PlatformRoute | TenantRoute | ScopedRoute | KeyRoute | PageRoute

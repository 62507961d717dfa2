"""The route classes that limits are set for (CONTRACT section 8). Every route names one, or says that it has none."""

from __future__ import annotations

from typing import Final, Literal, get_args

LimitName = Literal["sign_in", "token", "scim_read", "scim_write", "admin_read", "admin_write"]
LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)


class Unlimited:
    """For what a cache or a load balancer asks: documents, health, assets."""


UNLIMITED: Final = Unlimited()

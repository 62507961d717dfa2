"""A connection in ``test``, through which only the people whom its options name sign in."""

from __future__ import annotations

from idbroker.federation.contract import ConnectionConfig, ExternalIdentity
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.errors import Refusal


def in_test(detail: str) -> Refusal:
    return Refusal("connection_in_test", "Sign-in is not set up for your organisation yet.", detail=detail, status=403)


def check_named(config: ConnectionConfig, identity: ExternalIdentity) -> None:
    """Raise Refusal unless the connection is for everybody or for this person. That the address may be believed is admission's
    business, as for everybody else."""
    if config.only_for is None:
        return
    try:
        email = normal_email(identity.profile.email or "")
    except BadAddress:
        email = ""
    if email not in config.only_for:
        raise in_test("the person is none of those whom test_users names")

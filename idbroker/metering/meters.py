"""What is metered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SIGN_INS = "sign_ins"
ACTIVE_USERS = "monthly_active_users"
SCIM_OPERATIONS = "scim_operations"
ACTIVE_CONNECTIONS = "active_connections"
TOKENS = "token_issues"


@dataclass(frozen=True, slots=True)
class Meter:
    """``kind``: a day's quantity is the ``sum`` of its records, or the highest of them (``peak``)."""

    says: str
    kind: Literal["sum", "peak"]


METERS: Mapping[str, Meter] = {
    SIGN_INS: Meter("Sign-ins that an identity provider vouched for.", "sum"),
    ACTIVE_USERS: Meter("People who signed in for the first time in the month: a month's sum are its active people.", "sum"),
    SCIM_OPERATIONS: Meter("SCIM requests of directories; a Bulk request counts as its operations.", "sum"),
    ACTIVE_CONNECTIONS: Meter("Connections that were switched on: the most at one time.", "peak"),
    TOKENS: Meter("Answers of the token endpoint with an access token.", "sum"),
}

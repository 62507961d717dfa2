"""The life cycle of a tenant, step by step against the published table."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from idbroker.kernel.errors import Conflict
from idbroker.tenants.lifecycle import STEPS, SignInClosed, check_sign_in, check_step

PUBLISHED = {
    "prospect": {"trial", "active"},
    "trial": {"active", "paused", "cancelled"},
    "active": {"past_due", "paused", "cancelled"},
    "past_due": {"active", "paused", "cancelled"},
    "paused": {"active", "cancelled"},
    "cancelled": {"active", "deleted"},
    "deleted": {"cancelled"},
}
STATES = tuple(PUBLISHED)
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(STATES, (*STATES, "nonsense", ""))))
def test_every_pair_of_states(current: str, wanted: str) -> None:
    if wanted in PUBLISHED[current]:
        check_step(current, wanted, SINCE, SINCE + timedelta(days=29))
        return
    with pytest.raises(Conflict) as refused:
        check_step(current, wanted, SINCE, SINCE + timedelta(days=29))
    assert refused.value.code == "illegal_transition"
    assert refused.value.status == 409
    assert all(legal in refused.value.public for legal in PUBLISHED[current])


@pytest.mark.parametrize("current", [state for state in STATES if state != "deleted"])
def test_only_what_was_deleted_cannot_be_taken_back_after_thirty_days(current: str) -> None:
    later = SINCE + timedelta(days=30)
    check_step(current, PUBLISHED[current].copy().pop(), SINCE, later)
    with pytest.raises(Conflict, match="it is being erased"):
        check_step("deleted", "cancelled", SINCE, later)


def test_there_is_no_state_besides() -> None:
    assert set(STEPS) == set(STATES)


@pytest.mark.parametrize(
    ("status", "open_"),
    [
        ("prospect", True), ("trial", True), ("active", True), ("past_due", True),
        ("paused", False), ("cancelled", False), ("deleted", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_who_may_sign_in(status: str, open_: bool) -> None:
    if open_:
        check_sign_in(status)
        return
    with pytest.raises(SignInClosed) as refused:
        check_sign_in(status)
    assert refused.value.status == 403
    assert status not in refused.value.public

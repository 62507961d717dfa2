"""Damage to genuine answers: whatever comes through must say exactly what was signed.

``IDBROKER_TEST_MUTATIONS=20000`` makes the run as long as that; ``benchmarks/saml.py --mutations`` does the same alone.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idbroker.federation.contract import ExternalIdentity
from tests.support.properties import repeatable
from tests.support.saml_mutation import GENUINE, KINDS, Step, flipped, mutated, outcome, run_mutations
from tests.support.saml_world import ALICE, World

LONG = int(os.environ.get("IDBROKER_TEST_MUTATIONS", "0"))

repeated = settings(parent=repeatable, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])

steps = st.lists(
    st.builds(
        Step,
        kind=st.integers(0, len(KINDS) - 1),
        first=st.integers(0, 60),
        second=st.integers(0, 60),
        third=st.integers(0, 11),
    ),
    min_size=1,
    max_size=4,
)
places = st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def genuine() -> dict[str, tuple[World, str, ExternalIdentity]]:
    """Each kind of answer with what it says, before anybody has touched it."""
    made = {}
    for kind, answer in GENUINE.items():
        world = World()
        encoded = world.answer(answer)
        made[kind] = (world, encoded, world.complete(encoded))
    return made


@pytest.mark.parametrize("kind", GENUINE)
@repeated
@given(steps=steps)
def test_damage_never_changes_who_it_is(
    genuine: dict[str, tuple[World, str, ExternalIdentity]], kind: str, steps: list[Step]
) -> None:
    world, encoded, expected = genuine[kind]
    assert expected.subject == ALICE.name_id
    outcome(world, mutated(encoded, steps), expected)


@repeated
@given(places=places)
def test_flipped_bytes_never_change_who_it_is(
    genuine: dict[str, tuple[World, str, ExternalIdentity]], places: list[tuple[int, int]]
) -> None:
    world, encoded, expected = genuine["assertion"]
    outcome(world, flipped(encoded, places), expected)


@pytest.mark.timeout(1200)
def test_a_mixed_run() -> None:
    assert "refused" in run_mutations(LONG or 200)

"""Random damage to genuine answers: whatever comes through must say exactly what was signed."""

from __future__ import annotations

import base64
import copy
import random

import pytest
from lxml import etree

from idbroker.federation.contract import ExternalIdentity, ReplyRefused
from saml.demo_idp import Answer
from tests.support.saml_forgery import MALLORY, decode, encode
from tests.support.saml_world import ALICE, World

ROUNDS = 150
SIGNED = {
    "assertion": Answer(),
    "response": Answer(sign_assertion=False, sign_response=True),
    "both": Answer(sign_response=True),
}


def _mutate(root: etree._Element, chance: random.Random) -> None:
    nodes = [node for node in root.iter() if node is not root]
    one, other = chance.choice(nodes), chance.choice(nodes)
    kind = chance.randrange(6)
    if kind == 0:
        one.text = MALLORY
    elif kind == 1:
        other.append(copy.deepcopy(one))
    elif kind == 2 and one not in list(other.iterancestors()) and one is not other:
        other.append(one)
    elif kind == 3:
        one.getparent().remove(one)
    elif kind == 4 and one.attrib:
        one.set(chance.choice(list(one.attrib)), MALLORY)
    else:
        wrapper = etree.Element(one.tag)
        one.getparent().replace(one, wrapper)
        wrapper.append(one)


def _outcome(world: World, encoded: str) -> ExternalIdentity | None:
    """The identity, None for a refusal by a check that knew what it refused."""
    try:
        return world.complete(encoded)
    except ReplyRefused as refused:
        if refused.code == "saml_check_broken":
            raise AssertionError(refused.detail) from refused
        return None


@pytest.mark.parametrize("signed", SIGNED)
def test_damage_never_changes_who_it_is(signed: str) -> None:
    world = World()
    genuine = world.answer(SIGNED[signed])
    expected = world.complete(genuine)
    for seed in range(ROUNDS):
        chance = random.Random(seed)
        root = decode(genuine)
        for _ in range(chance.randrange(1, 4)):
            _mutate(root, chance)
        assert _outcome(world, encode(root)) in (None, expected), seed
    assert expected.subject == ALICE.name_id


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_end_as_refusals(seed: int) -> None:
    world = World()
    data = bytearray(base64.b64decode(world.answer()))
    chance = random.Random(seed)
    for _ in range(3):
        data[chance.randrange(len(data))] = chance.randrange(256)
    identity = _outcome(world, base64.b64encode(bytes(data)).decode())
    assert identity is None or identity.subject == ALICE.name_id

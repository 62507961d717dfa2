"""Damage to genuine answers: one function per kind, and a run that holds what comes through against what was signed."""

from __future__ import annotations

import base64
import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from lxml import etree

from idbroker.federation.contract import ExternalIdentity, ReplyRefused
from saml import names
from saml.demo_idp import Answer
from saml.names import tag
from tests.support.saml_world import World, key_pair

Element = etree._Element

MALLORY = "mallory-6666"

GENUINE: dict[str, Answer] = {
    "assertion": Answer(),
    "response": Answer(sign_assertion=False, sign_response=True),
    "both": Answer(sign_response=True),
    "encrypted": Answer(encrypt_for=key_pair("sp").certificate_pem),
    "encrypted and both": Answer(encrypt_for=key_pair("sp").certificate_pem, sign_response=True),
}


@dataclass(frozen=True)
class Step:
    """One mutation: its kind and three numbers, of which each kind takes what it needs."""

    kind: int
    first: int
    second: int
    third: int


def _text(one: Element, other: Element, pick: int) -> None:
    one.text = (MALLORY, "", "alice-0002", "2099-01-01T00:00:00Z", "https://broker.example")[pick % 5]


def _tail(one: Element, other: Element, pick: int) -> None:
    one.tail = (MALLORY, " ", "\n")[pick % 3]


def _copy_into(one: Element, other: Element, pick: int) -> None:
    other.insert(pick % (len(other) + 1), copy.deepcopy(one))


def _copy_as_evil(one: Element, other: Element, pick: int) -> None:
    """A copy that says somebody else, beside or inside."""
    twin = copy.deepcopy(one)
    for name_id in twin.iter(tag(names.SAML, "NameID"), tag(names.SAML, "AttributeValue")):
        name_id.text = MALLORY
    if pick % 2 and twin.get("ID"):
        twin.set("ID", "_evil")
    other.insert(pick % (len(other) + 1), twin)


def _move(one: Element, other: Element, pick: int) -> None:
    if one is not other and one not in list(other.iterancestors()):
        other.insert(pick % (len(other) + 1), one)


def _remove(one: Element, other: Element, pick: int) -> None:
    parent = one.getparent()
    if parent is not None:
        parent.remove(one)


def _attribute(one: Element, other: Element, pick: int) -> None:
    if one.attrib:
        name = list(one.attrib)[pick % len(one.attrib)]
        one.set(name, (MALLORY, "", str(other.get("ID") or "_x"), "2099-01-01T00:00:00Z")[pick % 4])


def _drop_attribute(one: Element, other: Element, pick: int) -> None:
    if one.attrib:
        del one.attrib[list(one.attrib)[pick % len(one.attrib)]]


def _new_attribute(one: Element, other: Element, pick: int) -> None:
    name = ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id", "NotOnOrAfter", "Format")[pick % 6]
    one.set(name, str(other.get("ID") or MALLORY))


def _wrap(one: Element, other: Element, pick: int) -> None:
    parent = one.getparent()
    if parent is not None:
        wrapper = etree.Element((one.tag, other.tag, tag(names.SAMLP, "Extensions"), tag(names.DS, "Object"))[pick % 4])
        parent.replace(one, wrapper)
        wrapper.append(one)


def _unwrap(one: Element, other: Element, pick: int) -> None:
    parent = one.getparent()
    if parent is not None:
        at = parent.index(one)
        for child in reversed(list(one)):
            parent.insert(at, child)
        parent.remove(one)


def _rename(one: Element, other: Element, pick: int) -> None:
    one.tag = (other.tag, tag("urn:evil", str(one.tag).rpartition("}")[2]), str(one.tag).rpartition("}")[2])[pick % 3]


def _swap(one: Element, other: Element, pick: int) -> None:
    one.text, other.text = other.text, one.text


def _comment(one: Element, other: Element, pick: int) -> None:
    one.insert(0, etree.Comment("x") if pick % 2 else etree.ProcessingInstruction("x", "y"))


KINDS: tuple[Callable[[Element, Element, int], None], ...] = (
    _text, _tail, _copy_into, _copy_as_evil, _move, _remove, _attribute, _drop_attribute, _new_attribute, _wrap, _unwrap,
    _rename, _swap, _comment,
)  # fmt: skip


def mutated(genuine: str, steps: list[Step]) -> str:
    """The answer after those steps. A step that this tree does not allow changes nothing."""
    root = etree.fromstring(base64.b64decode(genuine))
    for step in steps:
        nodes = [node for node in root.iter() if isinstance(node.tag, str)]
        one = nodes[step.first % len(nodes)]
        other = nodes[step.second % len(nodes)]
        KINDS[step.kind % len(KINDS)](one, other, step.third)
    return base64.b64encode(etree.tostring(root)).decode()


def flipped(genuine: str, places: list[tuple[int, int]]) -> str:
    """The answer with some bytes replaced."""
    data = bytearray(base64.b64decode(genuine))
    for place, value in places:
        data[place % len(data)] = value
    return base64.b64encode(bytes(data)).decode()


class Found(AssertionError):
    """A mutation came through as something that was not signed, or broke a check."""


def outcome(world: World, encoded: str, expected: ExternalIdentity) -> bool:
    """Whether it was accepted, unchanged. Raises Found when it was accepted as anything else, or ended in no known refusal."""
    try:
        identity = world.complete(encoded)
    except ReplyRefused as refused:
        if refused.code == "saml_check_broken":
            raise Found(refused.detail) from refused
        return False
    # An answer signed twice may lose one signature and still be genuine: it then passed fewer checks, and says the same.
    if not set(identity.passed) <= set(expected.passed) or replace(identity, passed=expected.passed) != expected:
        raise Found(f"accepted as {identity.subject}, {identity.profile}")
    return True


def run_mutations(count: int, seed: int = 0) -> str:
    """Mutate ``count`` times, all kinds of genuine answers in turn; one line of what happened. Raises Found."""
    chance = random.Random(seed)
    worlds = []
    for answer in GENUINE.values():
        world = World()
        genuine = world.answer(answer)
        worlds.append((world, genuine, world.complete(genuine)))
    accepted = 0
    for number in range(count):
        world, genuine, expected = worlds[number % len(worlds)]
        if chance.random() < 0.15:
            places = [(chance.randrange(1 << 20), chance.randrange(256)) for _ in range(chance.randrange(1, 4))]
            encoded = flipped(genuine, places)
        else:
            steps = [_random_step(chance) for _ in range(chance.randrange(1, 4))]
            encoded = mutated(genuine, steps)
        accepted += outcome(world, encoded, expected)
    return (
        f"{count} mutations: {accepted} left the signed content as it was and were accepted as it, {count - accepted} refused"
    )


def _random_step(chance: random.Random) -> Step:
    return Step(*(chance.randrange(1 << 16) for _ in range(4)))

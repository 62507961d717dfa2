"""What a synthetic tenant is: pure, from its seed and number. A larger run holds the tenants of a smaller one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from idbroker.synthetic.words import FAMILY, FIRST, GIVEN, GROUPS, ROLES, SECOND
from idbroker.tenants.lifecycle import Tier

SUFFIX = "synth.example"
"""RFC 2606 3: below ``.example`` there is no mail domain of anybody."""

Kind = Literal["saml", "oidc"]
KINDS: tuple[tuple[Kind, ...], ...] = (("saml",), ("oidc",), ("saml", "oidc"))
"""In turns. The first one is active; a second one is in test, so that discovery has one answer."""

_TIERS: tuple[Tier, ...] = ("growth", "enterprise")


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    name: str
    provisioned: bool
    """By SCIM; else the claims of sign-ins name it."""


@dataclass(frozen=True, slots=True)
class PlannedPerson:
    number: int
    given_name: str
    family_name: str
    email: str
    department: str
    provisioned: bool
    active: bool
    groups: tuple[str, ...]
    """Of the kind that the person is: provisioned or not."""

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True)
class PlannedTenant:
    seed: int
    number: int
    slug: str
    name: str
    domain: str
    tier: Tier
    kinds: tuple[Kind, ...]
    groups: tuple[PlannedGroup, ...]

    @property
    def roles(self) -> dict[str, str]:
        return {group.name: ROLES[group.name] for group in self.groups if group.name in ROLES}

    def people(self, first: int, last: int) -> Iterator[PlannedPerson]:
        """Those of these numbers, the last not included. Each is drawn alone, so that any part is the same in any run."""
        for number in range(first, last):
            yield self._person(number)

    def _person(self, number: int) -> PlannedPerson:
        chance = _chance(self.seed, self.number, number)
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        provisioned = number % 2 == 0
        open_to = [group.name for group in self.groups if group.provisioned is provisioned]
        # The first group of its kind is small where it makes administrators, and everybody's where it is the staff.
        wanted = [n for at, n in enumerate(open_to) if (number < 2 or n != GROUPS[0]) and (at == 0 or chance.random() < 0.3)]
        return PlannedPerson(
            number=number,
            given_name=given,
            family_name=family,
            email=f"{given}.{family}.{number}@{self.domain}".lower(),
            department=chance.choice(GROUPS[2:]),
            provisioned=provisioned,
            active=number < 2 or chance.random() < 0.97,
            groups=tuple(wanted),
        )


def planned(seed: int, number: int, groups: int) -> PlannedTenant:
    """The tenant of that number. ``groups``: how many it has."""
    chance = _chance(seed, number)
    first, second = chance.choice(FIRST), chance.choice(SECOND)
    slug = f"{first}-{second}-s{seed}-{number}".lower()
    return PlannedTenant(
        seed=seed,
        number=number,
        slug=slug,
        name=f"{first} {second}",
        domain=f"{slug}.{SUFFIX}",
        tier=chance.choice(_TIERS),
        kinds=KINDS[number % len(KINDS)],
        groups=tuple(PlannedGroup(_group_name(at), provisioned=at % 2 == 0) for at in range(groups)),
    )


def _group_name(at: int) -> str:
    name, again = GROUPS[at % len(GROUPS)], at // len(GROUPS)
    return f"{name} {again + 1}" if again else name


def _chance(*parts: int) -> Random:
    # Numbers as text: the hash of a text seed is the same on every machine and version.
    return Random(" ".join(map(str, parts)))  # noqa: S311 # invents names, hides nothing

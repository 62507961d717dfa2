"""The demo's cast: two organisations, one per kind of sign-in, each with an identity provider and people of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ADMINISTRATORS, STAFF = "Administrators", "Staff"
ROLES = {ADMINISTRATORS: "admin", STAFF: "member"}
"""Group → role, the same in both organisations."""


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    password: str
    given_name: str
    family_name: str
    groups: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def subject(self) -> str:
        """How the identity provider names him, whatever becomes of the e-mail."""
        return f"demo-{self.given_name}-{self.family_name}".lower()


@dataclass(frozen=True, slots=True)
class Organisation:
    kind: Literal["saml", "oidc"]
    slug: str
    name: str
    domain: str
    people: tuple[Person, ...]

    def signed_in(self, email: str, password: str) -> Person | None:
        """The person with these credentials. They stand on the login page: this is a demo."""
        wanted = email.strip().lower()
        return next((person for person in self.people if (person.email, person.password) == (wanted, password)), None)


ORCHARD = Organisation(
    kind="saml",
    slug="orchard",
    name="Orchard Foods",
    domain="orchard.example",
    people=(
        Person("alice@orchard.example", "apple-pie", "Alice", "Appleby", (ADMINISTRATORS, STAFF)),
        Person("bob@orchard.example", "pear-tart", "Bob", "Berger", (STAFF,)),
    ),
)
HARBOR = Organisation(
    kind="oidc",
    slug="harbor",
    name="Harbor Logistics",
    domain="harbor.example",
    people=(
        Person("alice@harbor.example", "lighthouse", "Alice", "Abara", (ADMINISTRATORS, STAFF)),
        Person("bob@harbor.example", "tugboat", "Bob", "Brandt", (STAFF,)),
    ),
)
ORGANISATIONS = (ORCHARD, HARBOR)

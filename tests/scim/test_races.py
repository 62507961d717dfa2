"""Many at the same moment, on both engines: nothing is lost, nothing is made twice, nobody is passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest

from tests.support.races import at_once
from tests.support.scim_world import ScimWorld


def test_twenty_creates_of_one_name_make_one(world: ScimWorld):
    idp = world.directory()
    answers = at_once(20, lambda _: idp.send("POST", "/Users", {"userName": "ada"}))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert {answer.json()["scimType"] for answer in answers if answer.status_code == 409} == {"uniqueness"}
    assert idp.ok("GET", "/Users")["totalResults"] == 1
    assert len(world.get(f"/tenants/{idp.tenant}/users")["data"]) == 1


def test_fifty_adds_at_once_lose_none(world: ScimWorld):
    idp = world.directory()
    users = [idp.user(f"u{number}")["id"] for number in range(50)]
    group = idp.group("Everybody")["id"]

    def add(number: int) -> Any:
        return idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": users[number]}]})

    assert {answer.status_code for answer in at_once(50, add)} == {204}
    assert idp.members(group) == set(users)


def test_a_person_moved_between_groups_at_once_ends_in_one_version(world: ScimWorld):
    """Two groups and the person himself, changed together: no deadlock reaches the client."""
    idp = world.directory()
    users = [idp.user(f"u{number}")["id"] for number in range(4)]
    groups = [idp.group(f"g{number}")["id"] for number in range(4)]

    def act(number: int) -> Any:
        if number % 2:
            return idp.patch(f"/Users/{users[number % 4]}", {"op": "replace", "path": "title", "value": str(number)})
        some = users if number % 4 else users[::-1]
        return idp.patch(
            f"/Groups/{groups[number % 4]}", {"op": "add", "path": "members", "value": [{"value": one} for one in some]}
        )

    assert {answer.status_code for answer in at_once(16, act)} <= {200, 204}
    assert all(idp.members(group) in (set(users), set()) for group in groups)


Page = Callable[[str], Any]
"""From the parameters of a page to its answer."""


def walk_by_index(page: Page, count: int, between: Callable[[int], None]) -> list[str]:
    seen: list[str] = []
    index = 1
    for number in range(200):
        found = page(f"startIndex={index}&count={count}")
        seen += [one["id"] for one in found["Resources"]]
        index += count
        if index > found["totalResults"]:
            return seen
        between(number)
    raise AssertionError("the walk does not end")


def walk_by_cursor(page: Page, count: int, between: Callable[[int], None]) -> list[str]:
    seen: list[str] = []
    cursor = ""
    for number in range(200):
        found = page(f"cursor={cursor}&count={count}")
        seen += [one["id"] for one in found["Resources"]]
        if "nextCursor" not in found:
            return seen
        cursor = quote(found["nextCursor"])
        between(number)
    raise AssertionError("the walk does not end")


WALKS = ["", "filter=" + quote('userName sw "u"'), "sortBy=userName&sortOrder=descending", "root"]
WALKS += [
    f"sortBy={by}&sortOrder={way}" for by in ("externalId", "title", "meta.created") for way in ("ascending", "descending")
]
"""Sorted by what everybody has, by what some lack: with a column, in the document."""


@pytest.mark.parametrize("query", WALKS)
def test_a_walk_while_others_are_deleted_misses_nobody(world: ScimWorld, query: str):
    """By index and by cursor, in whatever order: one that was read already goes after each page, and one that was not."""
    idp = world.directory(brake={"percent": None})
    ids = []
    for number in range(72):
        world.clock.advance(milliseconds=number % 3)
        has = {"externalId": f"e{number % 7}", "title": f"t{number % 5}"} if number % 4 else {}
        ids.append(idp.user(f"u{number:03}", **has)["id"])
    ids += [idp.group(f"g{number}")["id"] for number in range(12)] if query == "root" else []

    def page(which: str) -> Any:
        if query == "root":
            search = dict(one.split("=") for one in unquote(which).split("&"))
            return idp.ok("POST", "/.search", search)
        return idp.ok("GET", f"/Users?attributes=userName&{query}&{which}")

    order = walk_by_index(page, 100, lambda _: None)
    assert sorted(order) == sorted(ids)
    assert walk_by_cursor(page, 7, lambda _: None) == order
    assert walk_by_index(page, 7, lambda _: None) == order
    gone: set[str] = set()

    def delete(number: int) -> None:
        left = [one for one in order if one not in gone]
        for one in (left[number * 3 + 1], left[-2 - number]):
            assert idp.send("DELETE", f"/{'Users' if one.startswith('usr_') else 'Groups'}/{one}").status_code == 204
            gone.add(one)

    for walk in (walk_by_index, walk_by_cursor):
        before = [one for one in order if one not in gone]
        seen = walk(page, 7, delete)
        assert set(before) - gone <= set(seen)
        assert seen == [one for one in before if one in seen]  # in order, and nobody twice
    assert len(gone) > 20


def test_the_last_page_and_the_middle_are_where_they_belong(world: ScimWorld):
    idp = world.directory()
    ids = [idp.user(f"u{number:03}")["id"] for number in range(30)]
    for start, count in ((1, 10), (26, 10), (30, 1), (17, 5), (31, 5), (100, 5), (1, 0)):
        for query, wanted in (("", ids), ("&sortBy=userName&sortOrder=descending", ids[::-1])):
            page = idp.ok("GET", f"/Users?startIndex={start}&count={count}{query}")
            assert [one["id"] for one in page["Resources"]] == wanted[start - 1 : start - 1 + count], (start, count, query)
            assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (30, start, len(page["Resources"]))


def test_a_cursor_is_good_for_its_own_query_and_directory_and_an_hour(world: ScimWorld):
    idp = world.directory()
    other = world.directory(idp.tenant)
    for number in range(3):
        idp.user(f"u{number}")
        other.user(f"u{number}")
    cursor = idp.ok("GET", "/Users?cursor=&count=2")["nextCursor"]
    assert len(idp.ok("GET", f"/Users?cursor={cursor}&count=2")["Resources"]) == 1
    for client, query in (
        (idp, f"cursor={cursor}&count=2&filter=active%20eq%20true"),
        (other, f"cursor={cursor}&count=2"),
        (idp, f"cursor={cursor[:-2]}AA&count=2"),
        (idp, "cursor=AAAA&count=2"),
    ):
        refused = client.send("GET", f"/Users?{query}")
        assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidCursor")
    world.clock.advance(hours=2)
    assert idp.send("GET", f"/Users?cursor={cursor}&count=2").json()["scimType"] == "expiredCursor"


def test_a_sign_in_and_a_directory_at_one_moment_make_one_person(world: ScimWorld):
    """Each looks for the other's work and would find nothing: whoever comes second waits, and finds it."""
    tenant = world.tenant("acme")
    world.domain(tenant, "acme.example")
    idp, config = world.directory(tenant), world.config(tenant, world.connection(tenant)["id"], ["acme.example"])

    def come(number: int) -> Any:
        who, by_subject = f"p{number // 2}", number // 2 % 2
        address = f"{who}@acme.example"
        if number % 2:
            return idp.send("POST", "/Users", {"userName": who if by_subject else address, "externalId": f"s{number // 2}"})
        return world.sign_in(config, f"s{number // 2}" if by_subject else f"other-{who}", email=address).user.id

    ways = at_once(24, come)
    made = [answer.json()["id"] for answer in ways[1::2]]
    assert ways[::2] == made
    assert len(world.get(f"/tenants/{tenant}/users?limit=100")["data"]) == 12


def test_two_directories_that_mean_one_person_do_not_share_him(world: ScimWorld):
    """One knows him by his subject, one by his address: he goes to the one that came first."""
    tenant = world.tenant("acme")
    world.domain(tenant, "acme.example")
    config = world.config(tenant, world.connection(tenant)["id"], ["acme.example"])
    clients = [world.directory(tenant), world.directory(tenant)]
    known = [world.sign_in(config, f"s{number}", email=f"p{number}@acme.example").user.id for number in range(6)]

    def claim(number: int) -> str:
        who = number // 2
        names = {"userName": f"p{who}", "externalId": f"s{who}"} if number % 2 else {"userName": f"p{who}@acme.example"}
        answer = clients[number % 2].send("POST", "/Users", names)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    ids = at_once(12, claim)
    assert len(set(ids)) == 12
    assert all(len({known[number]} & set(ids[number * 2 : number * 2 + 2])) <= 1 for number in range(6))

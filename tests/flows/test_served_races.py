"""Many clients of a served broker at the same moment, over HTTP, on both engines: nothing is made twice, nothing is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson

from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.scim_world import PATCH_OP, USER, ScimWorld
from tests.support.served import serving


def test_twenty_creates_of_one_name_and_fifty_adds_to_one_group(stores: Stores, clock: TestClock, tmp_path: Path):
    world = ScimWorld(stores, clock)
    idp = world.directory()
    people, group = idp.crowd(50), idp.group("Everybody")["id"]
    with serving(stores, tmp_path) as server:
        ada = {"schemas": [USER], "userName": "ada"}
        answers = at_once(20, lambda _: server.ask(idp, "POST", "/Users", ada))
        assert Counter(status for status, _ in answers) == {201: 1, 409: 19}
        assert {orjson.loads(body)["scimType"] for status, body in answers if status == 409} == {"uniqueness"}

        def add(number: int) -> int:
            change = {"op": "add", "path": "members", "value": [{"value": people[number]}]}
            return server.ask(idp, "PATCH", f"/Groups/{group}", {"schemas": [PATCH_OP], "Operations": [change]})[0]

        assert Counter(at_once(50, add)) == {204: 50}
    assert len(idp.find("/Users", 'userName eq "ada"')) == 1
    assert idp.members(group) == set(people)
    assert len(world.sealed(idp.tenant, action="group.member_added", limit="200")) == 50

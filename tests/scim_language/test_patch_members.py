"""Membership by PATCH: never loaded, only told; and no members given never means that all shall go."""

from __future__ import annotations

from typing import Any

import pytest

from scim.dialects.patches import PATCH_SCHEMA, normalise_patch
from scim.filters.tree import Filter
from scim.members import AddMembers, Member, MemberOp, RemoveAllMembers, RemoveMembers, RemoveMembersWhere, ReplaceMembers
from scim.patch import Patched, apply
from scim.schemas.group import GROUP_URN
from scim.schemas.schema_set import STANDARD

GROUP = {"schemas": [GROUP_URN], "id": "grp_1", "displayName": "Tour Guides"}
ONE, TWO = Member("usr_1"), Member("usr_2")


def patched(*operations: dict[str, Any]) -> Patched:
    body = {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}
    return apply(GROUP, normalise_patch(body, STANDARD.group)[0], STANDARD.group)


CASES: list[tuple[dict[str, Any], list[MemberOp]]] = [
    ({"op": "add", "path": "members", "value": [{"value": "usr_1"}, {"value": "usr_2"}]}, [AddMembers((ONE, TWO))]),
    ({"op": "add", "path": "members", "value": {"value": "usr_1"}}, [AddMembers((ONE,))]),
    ({"op": "add", "path": "members", "value": ["usr_1"]}, [AddMembers((ONE,))]),
    ({"op": "add", "path": f"{GROUP_URN}:members", "value": [{"value": "usr_1"}]}, [AddMembers((ONE,))]),
    ({"op": "add", "value": {"members": [{"value": "usr_1"}]}}, [AddMembers((ONE,))]),
    ({"op": "add", "path": 'members[value eq "usr_1"]', "value": {"value": "usr_1"}}, [AddMembers((ONE,))]),
    (
        {
            "op": "add",
            "path": "members",
            "value": [{"value": "usr_1", "display": "B", "type": "user", "$ref": "x"}],
        },
        [AddMembers((Member("usr_1", "B", "User"),))],
    ),
    ({"op": "add", "path": "members", "value": [{"value": "usr_1"}, {"value": "usr_1"}]}, [AddMembers((ONE,))]),
    ({"op": "add", "path": "members", "value": []}, []),
    ({"op": "replace", "path": "members", "value": [{"value": "usr_2"}]}, [ReplaceMembers((TWO,))]),
    ({"op": "replace", "value": {"members": [{"value": "usr_2"}]}}, [ReplaceMembers((TWO,))]),
    ({"op": "replace", "path": "members", "value": []}, [ReplaceMembers(())]),
    ({"op": "remove", "path": "members"}, [RemoveAllMembers()]),
    ({"op": "remove", "path": 'members[value eq "usr_1"]'}, [RemoveMembers(("usr_1",))]),
    ({"op": "remove", "path": 'members[value eq "usr_1"]', "value": None}, [RemoveMembers(("usr_1",))]),
    ({"op": "remove", "path": 'members[value eq "usr_1" or value eq "usr_2"]'}, [RemoveMembers(("usr_1", "usr_2"))]),
    ({"op": "Remove", "path": "members", "value": [{"value": "usr_1"}]}, [RemoveMembers(("usr_1",))]),
    ({"op": "Remove", "path": "members", "value": {"value": "usr_1"}}, [RemoveMembers(("usr_1",))]),
    ({"op": "remove", "path": "members", "value": ["usr_1", "usr_2"]}, [RemoveMembers(("usr_1", "usr_2"))]),
    ({"op": "Remove", "path": "members", "value": []}, []),
]


@pytest.mark.parametrize(("operation", "told"), CASES)
def test_what_an_operation_on_members_tells(operation: dict[str, Any], told: list[MemberOp]):
    result = patched(operation)
    assert list(result.members) == told
    assert not result.changed
    assert result.document == GROUP


@pytest.mark.parametrize(
    "path", ['members[display co "x"]', 'members[value eq "a" and type eq "User"]', 'members[not (value eq "a")]']
)
def test_other_selections_stay_filters(path: str):
    (operation,) = patched({"op": "remove", "path": path}).members
    assert isinstance(operation, RemoveMembersWhere)
    assert isinstance(operation.where, Filter)


REFUSED = [
    ({"op": "remove", "path": "members", "value": None}, "invalidValue"),
    ({"op": "replace", "path": "members", "value": None}, "invalidValue"),
    ({"op": "replace", "value": {"members": None}}, "invalidValue"),
    ({"op": "replace", "path": "members"}, "invalidValue"),
    ({"op": "add", "path": "members", "value": [{}]}, "invalidValue"),
    ({"op": "add", "path": "members", "value": [{"value": ""}]}, "invalidValue"),
    ({"op": "add", "path": "members", "value": [{"value": 5}]}, "invalidValue"),
    ({"op": "add", "path": "members", "value": [{"value": "x", "type": "Robot"}]}, "invalidValue"),
    ({"op": "add", "path": "members", "value": 5}, "invalidValue"),
    ({"op": "remove", "path": "members", "value": [{"display": "x"}]}, "invalidValue"),
    ({"op": "remove", "value": {"members": [{"value": "x"}]}}, "noTarget"),
    ({"op": "replace", "path": 'members[value eq "x"]', "value": {"value": "y"}}, "mutability"),
    ({"op": "replace", "path": 'members[value eq "x"].value', "value": "y"}, "mutability"),
    ({"op": "remove", "path": 'members[value eq "x"].display'}, "mutability"),
    ({"op": "remove", "path": "members.value"}, "mutability"),
    ({"op": "remove", "path": "displayName"}, "mutability"),
    ({"op": "add", "path": 'members[display eq "x"]', "value": {"value": "y"}}, "mutability"),
    ({"op": "remove", "path": "members[value eq"}, "invalidPath"),
    ({"op": "remove", "path": 'members[nobody eq "x"]'}, "invalidFilter"),
]


@pytest.mark.parametrize(("operation", "scim_type"), REFUSED)
def test_what_is_refused(operation: dict[str, Any], scim_type: str, refused):
    with refused(scim_type):
        patched({"op": "add", "path": "members", "value": [{"value": "usr_9"}]}, operation)


def test_operations_keep_their_order_beside_the_document():
    result = patched(
        {"op": "add", "path": "members", "value": [{"value": "usr_1"}]},
        {"op": "replace", "path": "displayName", "value": "Guides"},
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [{"value": "usr_2"}]},
    )
    assert result.members == (AddMembers((ONE,)), RemoveAllMembers(), AddMembers((TWO,)))
    assert result.document["displayName"] == "Guides"
    assert result.changed

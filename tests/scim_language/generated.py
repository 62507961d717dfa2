"""Generated users and filters, small enough that they meet."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from scim.schemas.enterprise import ENTERPRISE_URN
from scim.schemas.user import USER_URN

WORDS = ("a", "A", "b", "ab", "Ba", "work", "home", "WORK", "é", "É", 'q"t', "b\\s", "50%", "_x", "x(y)", " ")
MOMENTS = ("2010-01-23T04:56:22Z", "2011-05-13T04:42:34Z", "2011-05-13T06:42:34+02:00", "2020-02-29T23:59:59.5Z")

ADDRESSES = ("a@x.com", "A@x.com", "b@y.org")

words = st.sampled_from(WORDS)
addresses = st.sampled_from(ADDRESSES)


def _parts(**strategies: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies).filter(bool)


@st.composite
def users(draw: st.DrawFn) -> dict[str, Any]:
    """A canonical document of a user."""
    elements = _parts(value=words, type=words, display=words)
    document: dict[str, Any] = {
        "schemas": [USER_URN],
        "id": draw(words),
        "meta": {"resourceType": "User", "created": draw(st.sampled_from(MOMENTS))},
        "userName": draw(words.filter(str.strip)),
    }
    document |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "externalId": words,
                "name": _parts(givenName=words, familyName=words),
                "displayName": words,
                "title": words,
                "active": st.booleans(),
                "emails": st.lists(
                    _parts(value=addresses, type=words, display=words), min_size=1, max_size=3, unique_by=json.dumps
                ),
                "roles": st.lists(elements, min_size=1, max_size=3, unique_by=json.dumps),
                "entitlements": st.lists(elements, min_size=1, max_size=2, unique_by=json.dumps),
            },
        )
    )
    for element in document.get("emails", ())[:1]:
        if draw(st.booleans()):
            element["primary"] = True
    if draw(st.booleans()):
        part = draw(_parts(department=words, manager=_parts(value=words, displayName=words)))
        document[ENTERPRISE_URN] = part
        document["schemas"] = [USER_URN, ENTERPRISE_URN]
    return document


TEXTS = (
    "userName",
    "externalId",
    "id",
    "title",
    "displayName",
    "name.givenName",
    "emails.type",
    "roles",
    "roles.value",
    "entitlements.display",
    "meta.resourceType",
    f"{ENTERPRISE_URN}:department",
    f"{ENTERPRISE_URN}:manager.value",
    f"{USER_URN}:userName",
)
_ALL = (*TEXTS, "active", "name", "meta.created", "emails.primary", f"{ENTERPRISE_URN}:manager")


def _literal(text: str) -> str:
    return json.dumps(text)


_texts = st.builds(
    lambda name, op, word: f"{name} {op} {_literal(word)}",
    st.sampled_from(TEXTS),
    st.sampled_from(("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "Co")),
    words,
)
_addresses = st.builds(
    lambda name, op, word: f"{name} {op} {_literal(word)}",
    st.sampled_from(("emails", "emails.value")),
    st.sampled_from(("eq", "ne", "co", "sw", "ew")),
    addresses,
)
_moments = st.builds(
    lambda op, moment: f'meta.created {op} "{moment}"',
    st.sampled_from(("eq", "ne", "gt", "ge", "lt", "le")),
    st.sampled_from(MOMENTS),
)
_booleans = st.builds(
    lambda name, op, value: f"{name} {op} {value}",
    st.sampled_from(("active", "emails.primary")),
    st.sampled_from(("eq", "ne")),
    st.sampled_from(("true", "false")),
)
_present = st.sampled_from(_ALL).map(lambda name: f"{name} pr")
_null = st.builds(
    lambda name, op: f"{name} {op} null", st.sampled_from(("title", "name.givenName", "active")), st.sampled_from(("eq", "ne"))
)
_inner = st.builds(
    lambda name, op, word: f"{name} {op} {_literal(word)}",
    st.sampled_from(("value", "type", "display")),
    st.sampled_from(("eq", "ne", "co", "sw", "ew", "gt", "le")),
    words,
) | st.sampled_from(("value pr", "display pr", "primary eq true"))


def _joined(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        terms,
        lambda inner: (
            st.builds(lambda a, b: f"{a} and {b}", inner, inner)
            | st.builds(lambda a, b: f"{a} or {b}", inner, inner)
            | inner.map(lambda a: f"({a})")
            | inner.map(lambda a: f"not ({a})")
        ),
        max_leaves=5,
    )


_paths = st.builds(lambda name, inner: f"{name}[{inner}]", st.sampled_from(("entitlements", "roles")), _joined(_inner))
filters = _joined(_texts | _addresses | _moments | _booleans | _present | _null | _paths)

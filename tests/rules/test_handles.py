"""Handles that name their tenant: what has the form, and what has not."""

from __future__ import annotations

import pytest
from hypothesis import given

from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.secrets import digest
from idbroker.sessions.handles import Handle, new_handle, parse_handle
from tests.support.properties import any_text, repeatable

BODY = "0123456789abcdefghjkmnpqrs"
SECRET = "s" * 43


def test_a_handle_says_where_to_look_and_nothing_more() -> None:
    tenant = TenantId(new_id("tnt"))
    handle = new_handle(tenant)
    assert parse_handle(str(handle)) == handle
    assert handle.digest == digest(handle.secret)
    assert handle.secret not in handle.digest
    assert parse_handle(str(Handle(tenant, f"ses_{BODY}.{SECRET}"))) == Handle(tenant, f"ses_{BODY}.{SECRET}")


@pytest.mark.parametrize(
    "text",
    [
        "", ".", BODY, f"{BODY}.", f".{SECRET}", f"{BODY}.{'s' * 19}", f"{BODY}.{'s' * 121}", f"tnt_{BODY}.{SECRET}",
        f"{BODY.upper()}.{SECRET}", f"{BODY[:-1]}.{SECRET}", f"{BODY}x.{SECRET}", f" {BODY}.{SECRET}", f"{BODY}\n.{SECRET}",
        f"platform.{SECRET}", f"{BODY[:-1]}u.{SECRET}", f"../{BODY}.{SECRET}",
        f"{BODY}.{SECRET}\x00", f"{BODY}.{SECRET}é", f"{BODY}.{SECRET} ", f"{BODY}.{SECRET}~{SECRET}", f"{BODY}.{SECRET};",
    ],
)  # fmt: skip
def test_other_forms_are_no_handles(text: str) -> None:
    assert parse_handle(text) is None


@repeatable
@given(any_text)
def test_no_text_upsets_it(text: str) -> None:
    assert parse_handle(text) is None

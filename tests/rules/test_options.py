"""The options of a connection: the published defaults, and no typo that weakens one silently."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from idbroker.connections.service import parse_options
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.errors import Invalid

PUBLISHED: dict[str, Any] = {
    "jit": "create",
    "email_domain_policy": "verified",
    "allow_idp_initiated": False,
    "sign_authn_requests": True,
    "want_assertions_encrypted": False,
    "want_response_signed": False,
    "clock_skew_seconds": 60,
    "name_id_format": None,
    "force_authn": False,
    "authn_context": [],
    "authn_context_comparison": "exact",
    "sp_entity_id": None,
    "acs_url_aliases": [],
    "request_acs_url": None,
    "request_redirect_uri": None,
    "test_users": [],
    "allow_cbc_encryption": False,
    "allow_sha1_until": None,
    "sign_metadata": False,
    "metadata_refresh": "auto",
    "entra_tenant_id": None,
    "google_hosted_domains": None,
    "link_scim_by": ["external_id", "email"],
    "default_app": None,
    "relay_state_allow": [],
}


def test_the_defaults_are_the_published_ones() -> None:
    assert ConnectionOptions().model_dump(mode="json") == PUBLISHED


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"jti": "off"}, "/options/jti"),
        ({"want_response_singed": True}, "/options/want_response_singed"),
        ({"jit": "maybe"}, "/options/jit"),
        ({"email_domain_policy": "none"}, "/options/email_domain_policy"),
        ({"clock_skew_seconds": -1}, "/options/clock_skew_seconds"),
        ({"clock_skew_seconds": 301}, "/options/clock_skew_seconds"),
        ({"clock_skew_seconds": "soon"}, "/options/clock_skew_seconds"),
        ({"sp_entity_id": ""}, "/options/sp_entity_id"),
        ({"sp_entity_id": "x" * 513}, "/options/sp_entity_id"),
        ({"acs_url_aliases": ["http://evil.com/acs"]}, "/options/acs_url_aliases"),
        ({"relay_state_allow": ["javascript:alert(1)"]}, "/options/relay_state_allow"),
        ({"google_hosted_domains": ["not a domain"]}, "/options/google_hosted_domains"),
        ({"allow_sha1_until": "tomorrow"}, "/options/allow_sha1_until"),
        ({"link_scim_by": ["name"]}, "/options/link_scim_by/0"),
        ({"self": 1}, "/options/self"),
        ({"": 1}, "/options/"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_options(options)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert refused.value.status == 422


def test_domains_of_options_are_in_normal_form() -> None:
    assert parse_options({"google_hosted_domains": ["ACME.com"]}).google_hosted_domains == ("acme.com",)


def test_options_cannot_be_changed_after() -> None:
    with pytest.raises(ValidationError):
        ConnectionOptions().jit = "off"  # type: ignore[misc]


def test_kept_options_open_again_as_they_were() -> None:
    given = {"jit": "off", "allow_sha1_until": "2027-01-31", "google_hosted_domains": [], "authn_context": ["urn:x"]}
    kept = parse_options(given).model_dump(mode="json", exclude_defaults=True)
    assert kept == given
    assert ConnectionOptions(**kept) == parse_options(given)

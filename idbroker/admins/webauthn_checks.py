"""What a passkey's answers have to say (WebAuthn Level 3, 7.1 and 7.2), checked by py_webauthn.

Imported by whoever runs a ceremony, when it runs: the library takes half a second to load, which no other process should pay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idbroker.admins.ceremony import Refused, Registered, Site

TIMEOUT = 120_000
"""Milliseconds that the browser waits for the person."""


def creation_options(site: Site, challenge: str, subject_id: str, name: str, known: Sequence[str]) -> dict[str, Any]:
    """What ``navigator.credentials.create`` is asked. Discoverable, so that nobody has to type who he is."""
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=site.name,
        user_name=name,
        user_id=subject_id.encode(),
        challenge=base64url_to_bytes(challenge),
        timeout=TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in known],
    )
    return dict(json.loads(webauthn.options_to_json(options)))


def request_options(site: Site, challenge: str) -> dict[str, Any]:
    """What ``navigator.credentials.get`` is asked. It names no credential, and so tells nobody who has one."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=base64url_to_bytes(challenge),
        timeout=TIMEOUT,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(json.loads(webauthn.options_to_json(options)))


def registered(site: Site, credential: dict[str, Any], challenge: str) -> Registered:
    """Raises Refused."""
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except Exception as error:
        raise Refused(_told(error)) from error
    return Registered(
        bytes_to_base64url(found.credential_id), found.credential_public_key, found.sign_count, found.credential_backed_up
    )


def answered(site: Site, credential: dict[str, Any], challenge: str, public_key: bytes, sign_count: int) -> int:
    """The authenticator's new counter. Raises Refused, also for a counter that did not move on (WebAuthn 6.1.1)."""
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except Exception as error:
        raise Refused(_told(error)) from error
    return found.new_sign_count


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]

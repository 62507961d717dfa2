"""The checks on the authorization response, as the browser brought it, before anything is sent to the IdP."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from idbroker.federation.contract import AttemptRef
from oidc.relying_party.checks import PASSED, Check, Judged, failed, skipped
from oidc.relying_party.refusals import shown
from oidc.relying_party.settings import RpSettings

_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[\x20-\x7e]{1,8192}")  # RFC 6749 A.11: VSCHAR


@dataclass(frozen=True, slots=True)
class ReplyEvidence:
    params: Mapping[str, str]
    settings: RpSettings
    attempt: AttemptRef | None
    """None in a diagnosis without an attempt."""


def handle_in(params: Mapping[str, str]) -> str | None:
    """The attempt's handle that ``state`` names, when it has the shape of one."""
    state = params.get("state", "")
    return state if _HANDLE.fullmatch(state) else None


def _state(evidence: ReplyEvidence) -> Judged:
    if evidence.attempt is None:
        return skipped("No attempt to compare with.")
    state = evidence.params.get("state", "")
    if hmac.compare_digest(state.encode(errors="replace"), evidence.attempt.handle.encode()):
        return PASSED
    return failed(
        expected="the state of this attempt", received="another state" if state else "no state",
        advice="The answer belongs to another sign-in. Start again from the app.",
    )  # fmt: skip


def _issuer(evidence: ReplyEvidence) -> Judged:
    issuer = evidence.params.get("iss")
    settings = evidence.settings
    if issuer is None and not settings.authorization_response_iss_parameter_supported:
        return skipped("The provider does not send iss in its answers.")
    if issuer == settings.issuer:
        return PASSED
    return failed(
        expected=settings.issuer, received=shown(issuer),
        advice="The answer comes from another provider than the one that was asked, or the issuer is written differently.",
    )  # fmt: skip


def _not_denied(evidence: ReplyEvidence) -> Judged:
    if evidence.params.get("error") != "access_denied":
        return PASSED
    return failed(
        expected="a code", received=_error(evidence.params),
        advice="The provider turned the person away, or the person cancelled. Check who is assigned to the application there.",
    )  # fmt: skip


def _no_error(evidence: ReplyEvidence) -> Judged:
    if "error" not in evidence.params:
        return PASSED
    return failed(
        expected="a code", received=_error(evidence.params),
        advice="The provider refused the request. Look the error up in its sign-in log; most often the redirect URI, a scope "
        "or the application's assignment is wrong there.",
    )  # fmt: skip


def _error(params: Mapping[str, str]) -> str:
    return shown({name: params[name] for name in ("error", "error_description") if name in params})


def _code(evidence: ReplyEvidence) -> Judged:
    code = evidence.params.get("code", "")
    if _CODE.fullmatch(code):
        return PASSED
    return failed(
        expected="an authorization code", received=f"{len(code)} characters",
        advice="The provider must answer with response_type code in the query.",
    )  # fmt: skip


REPLY_CHECKS: tuple[Check[ReplyEvidence], ...] = (
    Check("response.state", "state", "RFC 6749 10.12", "oidc_state_mismatch", _state),
    Check("response.iss", "state", "RFC 9207 2.4", "oidc_response_iss_mismatch", _issuer),
    Check("response.access", "state", "RFC 6749 4.1.2.1", "oidc_access_denied", _not_denied),
    Check("response.error", "state", "RFC 6749 4.1.2.1", "oidc_idp_error", _no_error, status=502),
    Check("response.code", "preflight", "RFC 6749 4.1.2", "oidc_code_missing", _code, status=400),
)

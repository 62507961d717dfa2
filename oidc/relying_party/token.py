"""The code exchange at the IdP's token endpoint (OIDC Core 3.1.3.1, RFC 7636 4.5)."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.outbound.fetcher import Fetched, Fetcher, FetchFailed
from oidc.jose import BadToken, Json, strict_json
from oidc.relying_party.answers import is_json, media_type
from oidc.relying_party.client_auth import Credentials
from oidc.relying_party.refusals import refused, shown, unreachable
from oidc.relying_party.settings import RpSettings

MAX_ANSWER = 256 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class TokenAnswer:
    """What the token endpoint gave; the ID token is not yet believed."""

    id_token: str
    access_token: str | None


def exchange(
    fetcher: Fetcher, settings: RpSettings, proof: Credentials, *, code: str, code_verifier: str, redirect_uri: str
) -> TokenAnswer:
    """Trade the code. Raises ReplyRefused: 502 for whatever is wrong with the IdP's answer."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier}
    try:
        answer = fetcher.post_form(settings.token_endpoint, {**fields, **proof.fields}, headers=proof.headers)
    except FetchFailed as failure:
        raise unreachable("token_endpoint", failure) from failure
    return _read(answer)


def _read(answer: Fetched) -> TokenAnswer:
    if answer.status != 200:
        raise _failure(answer)
    if not is_json(answer.headers):
        raise refused("oidc_token_response_invalid", f"token_endpoint: {_kind(answer)}, not JSON", status=502)
    try:
        body = strict_json(answer.body, limit=MAX_ANSWER)
    except BadToken as error:
        raise refused("oidc_token_response_invalid", f"token_endpoint: {error}", status=502) from error
    if "error" in body:  # some say what went wrong with status 200; a token beside it is none
        raise _failure(answer)
    access_token, id_token = body.get("access_token"), body.get("id_token")
    if id_token is None:
        raise refused("oidc_id_token_missing", "the token endpoint gave no id_token; is the scope openid allowed?", status=502)
    if not isinstance(id_token, str) or not isinstance(access_token, str | None) or not _bearer(body):
        raise refused("oidc_token_response_invalid", "token_endpoint: a member has the wrong type", status=502)
    if access_token is not None and not (access_token.isascii() and access_token.isprintable() and access_token):
        raise refused("oidc_token_response_invalid", "token_endpoint: the access token is not printable ASCII", status=502)
    return TokenAnswer(id_token, access_token)


def _kind(answer: Fetched) -> str:
    return shown(media_type(answer.headers))


def _bearer(body: Json) -> bool:
    """RFC 6749 5.1: ``token_type`` is required beside an access token; OIDC Core 3.1.3.3: it is Bearer."""
    kind = body.get("token_type")
    return "access_token" not in body or (isinstance(kind, str) and kind.lower() == "bearer")


def _failure(answer: Fetched) -> Exception:
    try:
        body = strict_json(answer.body, limit=MAX_ANSWER)
    except BadToken:
        body = {}
    told = shown({name: body[name] for name in ("error", "error_description") if name in body})
    code = {"invalid_client": "oidc_client_rejected", "unauthorized_client": "oidc_client_rejected"}.get(
        str(body.get("error")), "oidc_code_rejected" if body.get("error") == "invalid_grant" else "oidc_token_endpoint_failed"
    )
    return refused(code, f"the token endpoint answered {answer.status}: {told}", status=502)

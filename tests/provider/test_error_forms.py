"""Errors in the specification's form, whatever their origin."""

from __future__ import annotations

import pytest

from idbroker.kernel.errors import NotFound, Refusal
from idbroker.web.call import BadRequest
from oidc.provider.errors import NoToken, OAuthError, bearer_errors, described, oauth_errors
from tests.support.calls import a_call
from tests.support.provider_world import document


@pytest.mark.parametrize(
    ("refusal", "status", "error"),
    [
        (OAuthError("invalid_grant", "No."), 400, "invalid_grant"),
        (BadRequest("not_a_form", "A form.", status=415), 400, "invalid_request"),
        (BadRequest("repeated_parameter", "The parameter “x” came more than once."), 400, "invalid_request"),
        (BadRequest("too_large", "Too large.", status=413), 413, "invalid_request"),
        (NotFound("issuer"), 404, "not_found"),
        (Refusal("limit_exceeded", "Slower.", status=429), 429, "temporarily_unavailable"),
        (Refusal("internal_error", "Noted.", status=500), 500, "server_error"),
    ],
)
def test_the_token_endpoints_form(refusal, status, error):
    answer = oauth_errors(refusal, None)
    assert (answer.status, document(answer)["error"]) == (status, error)
    assert document(answer)["error_description"].isascii()


def test_a_challenge_names_no_error_without_a_token():
    """RFC 6750 3.1."""
    assert dict(bearer_errors(NoToken(), a_call()).headers)["www-authenticate"] == 'Bearer realm="idbroker"'


def test_descriptions_hold_only_what_they_may():
    """RFC 6749 5.2."""
    assert described('a “b” "c" \\ é\n') == "a 'b' 'c' ' ''"

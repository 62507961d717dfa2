"""What is asked of an ID token, in order: one list, the verdict and the diagnosis alike (OIDC Core 3.1.3.7)."""

from __future__ import annotations

from oidc.relying_party import claim_checks as claim
from oidc.relying_party import token_checks as token
from oidc.relying_party.checks import Check
from oidc.relying_party.evidence import IdTokenEvidence
from oidc.relying_party.token_checks import when_readable as read

ID_TOKEN_CHECKS: tuple[Check[IdTokenEvidence], ...] = (
    Check("id_token.form", "preflight", "RFC 7515 7.1", "oidc_token_malformed", token.form),
    Check("id_token.algorithm", "crypto", "OIDC Core 3.1.3.7 (7), RFC 8725 3.1", "oidc_alg_not_allowed", token.algorithm),
    Check("id_token.key", "crypto", "OIDC Core 10.1.1", "oidc_key_unknown", token.key_known),
    Check("id_token.signature", "crypto", "OIDC Core 3.1.3.7 (6)", "oidc_signature_invalid", token.signature),
    Check("id_token.typ", "preflight", "RFC 8725 3.11", "oidc_token_type", token.typ),
    Check("id_token.iss", "profile", "OIDC Core 3.1.3.7 (2)", "oidc_iss_mismatch", read(claim.issuer)),
    Check("id_token.aud", "profile", "OIDC Core 3.1.3.7 (3)", "oidc_aud_mismatch", read(claim.audience)),
    Check("id_token.azp", "profile", "OIDC Core 3.1.3.7 (4, 5)", "oidc_azp_mismatch", read(claim.authorized_party)),
    Check("id_token.exp", "profile", "OIDC Core 3.1.3.7 (9)", "oidc_token_expired", read(claim.expiry)),
    Check("id_token.iat", "profile", "OIDC Core 3.1.3.7 (10)", "oidc_iat_invalid", read(claim.issued_at)),
    Check("id_token.nbf", "profile", "RFC 7519 4.1.5", "oidc_token_not_yet_valid", read(claim.not_before)),
    Check("id_token.nonce", "state", "OIDC Core 3.1.3.7 (11)", "oidc_nonce_mismatch", read(claim.nonce)),
    Check("id_token.at_hash", "crypto", "OIDC Core 3.1.3.8", "oidc_at_hash_mismatch", token.access_token_hash),
    Check("id_token.c_hash", "crypto", "OIDC Core 3.3.2.11", "oidc_c_hash_mismatch", token.code_hash),
    Check("id_token.auth_time", "state", "OIDC Core 3.1.3.7 (13)", "oidc_auth_time_invalid", read(claim.authentication_time)),
    Check("id_token.acr", "profile", "OIDC Core 3.1.3.7 (12)", "oidc_acr_mismatch", read(claim.authentication_context)),
    Check("id_token.sub", "profile", "OIDC Core 2", "oidc_sub_invalid", read(claim.subject)),
    Check("id_token.tid", "profile", "Entra: ID token claims, tid", "oidc_entra_tenant_mismatch", read(claim.entra_tenant)),
    Check("id_token.hd", "profile", "Google: ID token claims, hd", "oidc_google_domain_mismatch", read(claim.google_domain)),
)  # fmt: skip

"""The ``oidc`` protocol as the login flow sees it: thin, every step is a module of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from idbroker.federation.beginning import SignInWished
from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    ConnectionDraft,
    ConnectionUpload,
    Document,
    Endpoint,
    ExternalIdentity,
    Finding,
    Handoff,
    Published,
    RedirectTo,
    UnverifiedReply,
)
from idbroker.federation.logout import LogoutAnswered, LogoutAsked, LogoutOutcome
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.clock import Clock, rfc3339
from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import ConnectionId
from idbroker.outbound.fetcher import Fetcher
from oidc.jose import BadToken, Json, UnverifiedToken, key_set, read
from oidc.relying_party.authorize import authorization_url, code_verifier_of, forced, nonce_of
from oidc.relying_party.checks import findings_of
from oidc.relying_party.client_auth import credentials
from oidc.relying_party.draft import make_draft
from oidc.relying_party.end_session import logout_answer, logout_request
from oidc.relying_party.evidence import IdTokenEvidence, SignedEvidence
from oidc.relying_party.examination import Examination, skeleton
from oidc.relying_party.id_token import ID_TOKEN_CHECKS
from oidc.relying_party.identity import identity_of, notes_on
from oidc.relying_party.initiation import read_wish
from oidc.relying_party.jwks import KeySets
from oidc.relying_party.keys import PUBLISHED_SECONDS, OwnKeys, published
from oidc.relying_party.logout_token import wish_of
from oidc.relying_party.reply_checks import REPLY_CHECKS, ReplyEvidence, handle_in
from oidc.relying_party.settings import RpSettings
from oidc.relying_party.token import exchange
from oidc.relying_party.userinfo import merged_claims, needed

LOGOUT, BACKCHANNEL = "logout", "backchannel-logout"


class OidcProtocol:
    """Implements ``idbroker.federation.contract.FederationProtocol``. Thread-safe; keeps key sets and nothing else."""

    name = "oidc"
    endpoints: Sequence[Endpoint] = (
        Endpoint("reply", "GET", "callback"),
        Endpoint("begin", "GET", "login"),
        Endpoint("begin", "POST", "login"),
        Endpoint("logout", "GET", LOGOUT),
        Endpoint("backchannel", "POST", BACKCHANNEL),
        Endpoint("document", "GET", "jwks"),
    )

    def __init__(self, base_url: str, clock: Clock, fetcher: Fetcher) -> None:
        """``base_url`` is the broker's public URL, without a final slash."""
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._fetcher = fetcher
        self._key_sets = KeySets(fetcher, clock)
        self._own_keys = OwnKeys()

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        return make_draft(self._fetcher, upload, current)

    def addresses(self, connection: ConnectionId, options: ConnectionOptions) -> Document:
        del options
        return {
            "rp": {
                "redirect_uri": self._address(connection, "callback"),
                "initiate_login_uri": self._address(connection, "login"),
                "post_logout_redirect_uri": self._address(connection, "logout"),
                "backchannel_logout_uri": self._address(connection, "backchannel-logout"),
                "jwks_uri": self._address(connection, "jwks"),
            },
        }

    def reserve(self, connection: ConnectionId, options: ConnectionOptions) -> ConnectionDraft:
        """Nothing: our side is addresses alone."""
        del connection, options
        return ConnectionDraft({})

    def describe(self, connection: ConnectionConfig) -> Document:
        settings = RpSettings.of(connection)
        return {
            "issuer": settings.issuer,
            "client_id": settings.client_id,
            "scopes": list(settings.scopes),
            "token_endpoint_auth_method": settings.token_endpoint_auth_method,
            "token_endpoint_auth_signing_alg": settings.token_endpoint_auth_signing_alg,
            "client_secret_expires_at": _written(settings.client_secret_expires_at),
            "end_session_endpoint": settings.end_session_endpoint,
            "rp": {
                **self.addresses(connection.id, connection.options)["rp"],
                "keys": [{"kid": jwk["kid"], "alg": jwk["alg"]} for jwk in published(settings)["keys"]],
            },
        }

    def begin(self, connection: ConnectionConfig, attempt: AttemptRef) -> RedirectTo:
        settings = RpSettings.of(connection)
        return RedirectTo(authorization_url(settings, connection.options, attempt, self._redirect_uri(connection)))

    def correlate(self, reply: UnverifiedReply) -> str | None:
        return handle_in(reply.params)

    def unsolicited(self, reply: UnverifiedReply) -> bool:
        """Never: a sign-in that begins elsewhere comes to ``initiate_login_uri`` (OIDC Core 4), not with an answer."""
        del reply
        return False

    def complete(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef) -> ExternalIdentity:
        settings, now = RpSettings.of(connection), self._clock.now()
        exam = Examination(connection, settings, now)
        exam.run(REPLY_CHECKS, ReplyEvidence(reply.params, settings, attempt))
        code = reply.params["code"]
        with exam.step("token_endpoint"):
            answer = exchange(
                self._fetcher,
                settings,
                credentials(connection, settings, self._own_keys, now),
                code=code,
                code_verifier=code_verifier_of(attempt),
                redirect_uri=self._redirect_uri(connection),
            )
        token, problem = _taken_apart(answer.id_token)
        exam.received(token)
        with exam.step("jwks"):
            keys = self._key_sets.keys_for(settings.jwks_uri, token.kid) if token else key_set(())
        now = self._clock.now()
        evidence = IdTokenEvidence(
            token=token,
            problem=problem,
            keys=keys,
            connection=connection,
            settings=settings,
            now=now.timestamp(),
            nonce=nonce_of(attempt),
            code=code,
            access_token=answer.access_token,
            begun_at=attempt.begun_at.timestamp(),
            max_age=attempt.max_age,
            forced=forced(attempt, connection.options),
        )
        exam.run(ID_TOKEN_CHECKS, evidence)
        claims = self._completed(exam, settings, evidence.claims, answer.access_token)
        with exam.step("person"):
            identity = identity_of(connection, settings, claims, code=code, id_token=answer.id_token, now=now)
        for note in notes_on(connection, settings, claims, identity.profile):
            exam.note(note)
        passed = tuple(one.check for one in exam.findings if one.outcome == "pass")
        return replace(identity, findings=exam.findings, received=exam.seen(), passed=passed)

    def explain(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Sequence[Finding]:
        """The checks on the response itself. The others cannot run again: a code is good for one exchange, and the refusal
        of a real sign-in already carries all of their findings."""
        exam = ReplyEvidence(reply.params, RpSettings.of(connection), attempt)
        unrun = "A code can be exchanged only once; make a test sign-in to run this check."
        return skeleton(findings_of(REPLY_CHECKS, exam), [check.unrun(unrun) for check in ID_TOKEN_CHECKS], unrun)

    def report(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Document:
        """The findings of ``explain`` with their verdict. Claims stand in the refusal of a real sign-in, not in its reply."""
        findings = self.explain(connection, reply, attempt)
        codes = {check.name: check.code for check in REPLY_CHECKS}
        failed = next((finding.check for finding in findings if finding.outcome == "fail"), None)
        return {
            "verdict": "refuse" if failed else "accept",
            "code": codes.get(failed or ""),
            "findings": [finding.as_document() for finding in findings],
            "attributes": {},
            "mapped": {},
            "xml": "",
        }

    def read_beginning(self, connection: ConnectionConfig, message: UnverifiedReply) -> SignInWished:
        return read_wish(RpSettings.of(connection), message.params)

    def begin_logout(self, connection: ConnectionConfig, upstream: Mapping[str, str], handle: str) -> Handoff | None:
        return logout_request(RpSettings.of(connection), upstream, self._address(connection.id, LOGOUT), handle)

    def read_logout(self, connection: ConnectionConfig, message: UnverifiedReply) -> LogoutAsked | LogoutAnswered:
        """A logout token at the back-channel address; at the other the browser that comes back from the IdP."""
        if not message.address.endswith(f"/{BACKCHANNEL}"):
            return logout_answer(message.params)
        settings = RpSettings.of(connection)
        token, problem = _taken_apart(message.params.get("logout_token", ""))
        keys = self._key_sets.keys_for(settings.jwks_uri, token.kid) if token else key_set(())
        now = self._clock.now().timestamp()
        return wish_of(SignedEvidence(token, problem, keys, connection, settings, now))

    def answer_logout(self, connection: ConnectionConfig, asked: LogoutAsked, outcome: LogoutOutcome) -> None:
        """None: the provider is not waiting in the browser."""
        del connection, asked, outcome

    def publish(self, connection: ConnectionConfig, name: str) -> Published:
        """Our key set for ``private_key_jwt``; empty as long as the connection has no key. Raises NotFound for other names."""
        if name != "jwks":
            raise NotFound("document")
        keys = (
            published(RpSettings.of(connection)) if connection.settings else {"keys": []}
        )  # only reserved: nobody is behind it
        body = orjson.dumps(keys)
        return Published("application/jwk-set+json", body, PUBLISHED_SECONDS)

    def _redirect_uri(self, connection: ConnectionConfig) -> str:
        """As the provider knows it: the request for the token repeats that of the code (RFC 6749 4.1.3)."""
        return connection.options.request_redirect_uri or self._address(connection.id, "callback")

    def _address(self, connection: ConnectionId, name: str) -> str:
        return f"{self._base}/oidc/{connection}/{name}"

    def _completed(self, exam: Examination, settings: RpSettings, claims: Json, access_token: str | None) -> Json:
        if not needed(claims, settings, access_token):
            return claims
        with exam.step("userinfo"):
            merged = merged_claims(self._fetcher, settings, claims, access_token)
        exam.completed(claims, merged)
        return merged


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _taken_apart(id_token: str) -> tuple[UnverifiedToken | None, str]:
    try:
        return read(id_token), ""
    except BadToken as error:
        return None, str(error)

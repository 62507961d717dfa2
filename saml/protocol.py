"""``SamlProtocol``: the federation contract, spoken in SAML 2.0 (Web Browser SSO profile, SP-initiated)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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
    UnverifiedReply,
)
from idbroker.federation.logout import LogoutAnswered, LogoutAsked, LogoutOutcome
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import ConnectionId
from idbroker.kernel.secrets import new_secret
from idbroker.outbound.fetcher import Fetcher
from saml import authn_request, draft, explain, logout, logout_messages, metadata_out, names, response, schemas
from saml.checks.examination import Examination
from saml.checks.logout import MAX_AGE as LOGOUT_MAX_AGE
from saml.checks.logout import LogoutExamination
from saml.keys import KeyCache
from saml.logout_messages import LogoutSender, NoLogoutAddress
from saml.settings import SpAddresses, read_settings, sp_addresses
from saml.signing import sign_enveloped

_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_STATUS: Mapping[LogoutOutcome, str] = {
    "success": names.STATUS_SUCCESS,
    "partial": logout_messages.STATUS_PARTIAL,
    "failed": logout_messages.STATUS_RESPONDER,
}
_PARTIAL = logout_messages.STATUS_PARTIAL.rpartition(":")[2]


class SamlProtocol:
    """Implements ``FederationProtocol``. Keeps parsed keys per connection version and the compiled schema, nothing else."""

    def __init__(self, base_url: str, clock: Clock, fetcher: Fetcher) -> None:
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._fetcher = fetcher
        self._keys = KeyCache()
        schemas.preload()

    @property
    def name(self) -> str:
        return "saml"

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("reply", "POST", "acs"),
            Endpoint("logout", "GET", "slo"),
            Endpoint("logout", "POST", "slo"),
            Endpoint("document", "GET", "metadata"),
        )

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        """See the contract. An upload without any source keeps what ``current`` has; our key pair is always kept."""
        sp = sp_addresses(self._base_url, upload.connection, upload.options)
        return draft.draft(upload, current, self._fetcher, self._clock.now(), sp)

    def addresses(self, connection: ConnectionId, options: ConnectionOptions) -> Document:
        """``{"sp": {entity_id, acs_url, …}}``."""
        sp = sp_addresses(self._base_url, connection, options)
        return {
            "sp": {
                "entity_id": sp.entity_id,
                "acs_url": sp.acs_url,
                "slo_url": sp.slo_url,
                "metadata_url": sp.metadata_url,
            },
        }

    def reserve(self, connection: ConnectionId, options: ConnectionOptions) -> ConnectionDraft:
        """Our key pair (about 100 ms), with which the metadata can be published, and nobody at the other side."""
        del options
        return draft.reserved(connection, self._clock.now())

    def describe(self, connection: ConnectionConfig) -> Document:
        """``{"sp": {entity_id, acs_url, …}, "idp": {entity_id, sso_url, certificates}}`` (CONTRACT 6). Reads no secret."""
        idp = read_settings(connection).idp
        return {
            **self.addresses(connection.id, connection.options),
            "idp": {
                "entity_id": idp.entity_id,
                "sso_url": idp.sso_url,
                "certificates": [certificate.as_document() for certificate in idp.parsed_certificates()],
            },
        }

    def begin(self, connection: ConnectionConfig, attempt: AttemptRef) -> Handoff:
        """The AuthnRequest. RelayState is the attempt's handle (43 characters; SAML bindings 3.4.3 allows 80)."""
        keys = self._keys.of(connection)
        now = self._clock.now()
        return authn_request.begin(keys, attempt, connection.options, self._sp(connection), now=now, vendor=connection.vendor)

    def correlate(self, reply: UnverifiedReply) -> str | None:
        """RelayState when it has the shape of a handle; whether it is one, the login flow knows."""
        relay_state = reply.params.get("RelayState", "")
        return relay_state if _HANDLE.fullmatch(relay_state) else None

    def unsolicited(self, reply: UnverifiedReply) -> bool:
        """A response whose RelayState is no handle of ours (SAML profiles 4.1.5); IdPs put an address there, or nothing."""
        return bool(reply.params.get("SAMLResponse")) and self.correlate(reply) is None

    def complete(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef) -> ExternalIdentity:
        """Verify the reply. Raises ReplyRefused, and nothing else whatever the reply holds."""
        return response.complete(self.examination(connection, reply, attempt))

    def explain(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Sequence[Finding]:
        """The same checks to the end. Without an attempt, what the reply answers is not compared."""
        return explain.findings(self.examination(connection, reply, attempt))

    def report(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Document:
        """The whole diagnosis (CONTRACT 8): verdict, code, findings, attributes, mapped profile, decoded XML."""
        return explain.report(self.examination(connection, reply, attempt))

    def read_beginning(self, connection: ConnectionConfig, message: UnverifiedReply) -> SignInWished:
        """Raises NotFound: in SAML, who begins at the IdP comes to the ``acs`` with an answer."""
        raise NotFound("beginning")

    def begin_logout(self, connection: ConnectionConfig, upstream: Mapping[str, str], handle: str) -> Handoff | None:
        """A signed LogoutRequest (SAML profiles 4.4.3.1). None when the IdP names no address, or the sign-in had no NameID."""
        try:
            return logout_messages.logout_request(self._sender(connection), upstream, handle)
        except (NoLogoutAddress, KeyError):
            return None

    def read_logout(self, connection: ConnectionConfig, message: UnverifiedReply) -> LogoutAsked | LogoutAnswered:
        """The verified LogoutRequest or LogoutResponse. Raises ReplyRefused, and nothing else whatever the message holds."""
        handle, now = self.correlate(message), self._clock.now()
        exam = LogoutExamination(
            connection=connection,
            keys=self._keys.of(connection),
            sp=self._sp(connection),
            message=message,
            expected_request=logout_messages.logout_request_id(handle) if handle is not None else None,
            now=now,
        )
        found = logout.read_logout(exam)
        if isinstance(found, logout.LogoutAnswered):
            outcome: LogoutOutcome = "success" if found.complete else "partial" if found.status == _PARTIAL else "failed"
            return LogoutAnswered(handle, outcome, found.status)
        return LogoutAsked(
            person=found.name_id,
            sessions=found.session_indexes,
            replay_key=found.request_id,
            replay_until=now + LOGOUT_MAX_AGE + 2 * exam.skew,  # from then on it is too old by itself
            request_id=found.request_id,
            relay_state=found.relay_state or None,
        )

    def answer_logout(self, connection: ConnectionConfig, asked: LogoutAsked, outcome: LogoutOutcome) -> Handoff | None:
        """A signed LogoutResponse with the RelayState that came (SAML bindings 3.4.3). None when the IdP names no address."""
        relay_state, identifier = asked.relay_state or "", f"_{new_secret()}"
        try:
            return logout_messages.logout_response(
                self._sender(connection), asked.request_id, relay_state, identifier, _STATUS[outcome]
            )
        except NoLogoutAddress:
            return None

    def publish(self, connection: ConnectionConfig, name: str) -> Published:
        """SP metadata: ``metadata`` reads no secret unless sign_metadata is on, ``metadata-signed`` is always signed.

        Raises NotFound for any other name.
        """
        if name not in ("metadata", "metadata-signed"):
            raise NotFound("document")
        settings, sp = read_settings(connection), self._sp(connection)
        root = metadata_out.sp_metadata(sp, connection.options, settings)
        if name == "metadata-signed" or connection.options.sign_metadata:
            sign_enveloped(root, self._keys.of(connection).private_key, settings.sp_certificate)
        body = metadata_out.as_bytes(root)
        return Published(metadata_out.MEDIA_TYPE, body, metadata_out.MAX_AGE_SECONDS)

    def _sender(self, connection: ConnectionConfig) -> LogoutSender:
        return LogoutSender(self._keys.of(connection), self._sp(connection), self._clock.now())

    def _sp(self, connection: ConnectionConfig) -> SpAddresses:
        return sp_addresses(self._base_url, connection.id, connection.options)

    def examination(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Examination:
        """One reply, laid out for the checks; nothing is examined yet."""
        return Examination(
            connection=connection,
            keys=self._keys.of(connection),
            sp=self._sp(connection),
            reply=reply,
            attempt=attempt,
            expected_request=authn_request.request_id(attempt.handle) if attempt is not None else None,
            now=self._clock.now(),
        )

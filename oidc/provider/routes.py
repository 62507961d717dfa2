"""The provider put together, and its routes: the same table at the shared issuer and at every tenant's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.keys.signing import SigningKeyRing
from idbroker.limits.names import UNLIMITED
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.login.reuse import SessionFinder
from idbroker.outbound.fetcher import Fetcher
from idbroker.sessions.refresh import RefreshTokens
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.cookies import Cookies
from idbroker.web.pages import Pages
from idbroker.web.route import ErrorFace, Method, OpenRoute, Row
from idbroker.web.sign_in import SignInFace
from oidc.provider.authorize import Authorize
from oidc.provider.backchannel import LogoutSender
from oidc.provider.client_auth import ClientAuthentication
from oidc.provider.client_keys import ClientKeys
from oidc.provider.code import CodeGiver
from oidc.provider.cors import from_pages, preflight, told_to_pages
from oidc.provider.errors import bearer_errors, oauth_errors
from oidc.provider.grants.authorization_code import AuthorizationCodeGrant
from oidc.provider.grants.client_credentials import ClientCredentialsGrant
from oidc.provider.grants.contract import Grant
from oidc.provider.grants.refresh_token import RefreshTokenGrant
from oidc.provider.grants.token_exchange import GRANT_TYPE as TOKEN_EXCHANGE
from oidc.provider.grants.token_exchange import TokenExchangeGrant
from oidc.provider.introspect import Introspect
from oidc.provider.issue import TokenIssuer
from oidc.provider.issuer import TENANT_PREFIX, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.logout import Logout
from oidc.provider.metadata import Metadata
from oidc.provider.pushed import PushedAuthorization
from oidc.provider.response_mode import ResponseModes
from oidc.provider.resume import Resume
from oidc.provider.revoke import Revoke
from oidc.provider.token import Token
from oidc.provider.userinfo import Userinfo

Handler = Callable[[Call], Answer]


class Provider:
    """The OAuth 2.1 / OpenID Connect provider. ``access_token_minutes`` is the life of access and ID tokens."""

    def __init__(
        self,
        *,
        database: Database,
        keys: SigningKeyRing,
        sessions: SessionService,
        flow: LoginFlow,
        finder: SessionFinder,
        cookies: Cookies,
        sign_in: SignInFace,
        pages: Pages,
        leaving: LogoutFlow,
        clock: Clock,
        base_url: str,
        access_token_minutes: int,
        refresh: RefreshTokens,
        fetcher: Fetcher,
        issued: Callable[[TenantId], None] | None = None,
    ) -> None:
        issuers, issuer_keys = Issuers(database, base_url), IssuerKeys(keys)
        codes, clients = CodeGiver(database, sessions), ClientAuthentication(database, ClientKeys(fetcher, clock), clock)
        modes = ResponseModes(pages)
        pushed = PushedAuthorization(database, issuers, clients, issuer_keys, clock)
        tokens = TokenIssuer(issuer_keys, clock, lifetime=timedelta(minutes=access_token_minutes))
        grants: dict[str, Grant] = {
            "authorization_code": AuthorizationCodeGrant(refresh),
            "refresh_token": RefreshTokenGrant(refresh),
            "client_credentials": ClientCredentialsGrant(),
            TOKEN_EXCHANGE: TokenExchangeGrant(issuer_keys, clock),
        }
        self.logout_sender = LogoutSender(database, issuer_keys, issuers, fetcher, clock)
        self._refusal = sign_in.refusal
        self._metadata = Metadata(issuers, issuer_keys, tuple(grants))
        self._authorize = Authorize(
            database=database,
            issuers=issuers,
            keys=issuer_keys,
            codes=codes,
            pushed=pushed,
            flow=flow,
            finder=finder,
            cookies=cookies,
            sign_in=sign_in,
            modes=modes,
        )
        self._resume = Resume(database=database, issuers=issuers, codes=codes, flow=flow, sign_in=sign_in, modes=modes)
        self._token = Token(
            database=database, issuers=issuers, clients=clients, tokens=tokens, grants=grants, clock=clock, issued=issued
        )
        self._pushed = pushed
        self._introspect = Introspect(
            database=database, issuers=issuers, clients=clients, keys=issuer_keys, refresh=refresh, clock=clock
        )
        self._revoke = Revoke(
            database=database, issuers=issuers, clients=clients, keys=issuer_keys, refresh=refresh, clock=clock
        )
        self._userinfo = Userinfo(database, issuers, issuer_keys, clock)
        self._logout = Logout(
            database=database,
            issuers=issuers,
            keys=issuer_keys,
            sessions=sessions,
            cookies=cookies,
            sign_in=sign_in,
            pages=pages,
            leaving=leaving,
        )

    def rows(self) -> list[Row]:
        # RFC 8414 3.1: the well-known part goes before the issuer's path; ours has it behind as well, as OIDC Discovery 4 does.
        before = self._document(f"/.well-known/oauth-authorization-server{TENANT_PREFIX}", inline=False)
        return [*self._of_issuer(""), *self._of_issuer(TENANT_PREFIX), before]

    def _of_issuer(self, prefix: str) -> list[Row]:
        shared = prefix == ""
        return [
            self._document(f"{prefix}/.well-known/openid-configuration", inline=shared),
            self._document(f"{prefix}/.well-known/oauth-authorization-server", inline=shared),
            self._key_set(prefix),
            *self._pages_of_issuer(prefix),
            *self._resources(prefix),
        ]

    def _document(self, path: str, *, inline: bool) -> Row:
        handler = self._metadata.discovery
        return OpenRoute(method="GET", path=path, handler=handler, limit=UNLIMITED, errors=oauth_errors, inline=inline)

    def _key_set(self, prefix: str) -> Row:
        path, waiting = f"{prefix}/oauth2/jwks", self._metadata.jwks
        shared = prefix == ""  # a tenant's issuer is found in the database, which takes a thread
        return OpenRoute(
            method="GET",
            path=path,
            handler=self._metadata.jwks_at_hand if shared else waiting,
            limit=UNLIMITED,
            errors=oauth_errors,
            inline=shared,
            waiting=waiting,
        )

    def _pages_of_issuer(self, prefix: str) -> list[Row]:
        """What browsers visit."""
        table: tuple[tuple[Method, str, Handler], ...] = (
            ("GET", "/oauth2/authorize", self._authorize.answer),
            ("POST", "/oauth2/authorize", self._authorize.answer),
            ("GET", "/oauth2/resume", self._resume.answer),
            ("GET", "/oauth2/logout", self._logout.answer),
            ("POST", "/oauth2/logout", self._logout.answer),
            ("POST", "/oauth2/logout/confirm", self._logout.confirmed),
        )
        return [
            OpenRoute(method=method, path=prefix + path, handler=handler, limit="sign_in", errors=self._refusal, inline=False)
            for method, path, handler in table
        ]

    def _resources(self, prefix: str) -> list[Row]:
        """What apps call."""
        table: tuple[tuple[Method, str, Handler, ErrorFace], ...] = (
            ("POST", "/oauth2/token", self._token.answer, oauth_errors),
            ("POST", "/oauth2/par", self._pushed.answer, oauth_errors),
            ("POST", "/oauth2/revoke", self._revoke.answer, oauth_errors),
            ("GET", "/oauth2/userinfo", self._userinfo.answer, bearer_errors),
            ("POST", "/oauth2/userinfo", self._userinfo.answer, bearer_errors),
        )
        open_to_pages = [
            self._resource(method, prefix + path, from_pages(handler), told_to_pages(errors))
            for method, path, handler, errors in table
        ]
        introspect = self._resource("POST", f"{prefix}/oauth2/introspect", self._introspect.answer, oauth_errors)
        return [*open_to_pages, *self._preflights(prefix, table), introspect]

    def _preflights(self, prefix: str, table: Sequence[tuple[Method, str, Handler, ErrorFace]]) -> list[Row]:
        """Browsers ask before they send what a form could not, and ask the documents too when a script adds a header."""
        documents = ("/oauth2/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
        paths = dict.fromkeys((*(path for _, path, _, _ in table), *documents))
        return [
            OpenRoute(
                method="OPTIONS", path=prefix + path, handler=preflight, limit=UNLIMITED, errors=oauth_errors, inline=True
            )
            for path in paths
        ]

    def _resource(self, method: Method, path: str, handler: Handler, errors: ErrorFace) -> Row:
        return OpenRoute(method=method, path=path, handler=handler, limit="token", errors=errors, inline=False)

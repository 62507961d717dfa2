"""The addresses that browsers and IdPs use: the front door, the account page, and every connection's own endpoints."""

from __future__ import annotations

from idbroker.federation.contract import Protocols
from idbroker.front.account import AccountPage
from idbroker.front.aliases import AliasDoor
from idbroker.front.branding import BrandFiles
from idbroker.front.door import FrontDoor
from idbroker.front.upstream import Upstream
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.tenants.branding import Brands
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace


class Front:
    def __init__(
        self,
        flow: LoginFlow,
        logout: LogoutFlow,
        protocols: Protocols,
        face: SignInFace,
        account: AccountPage,
        *,
        brands: Brands | None = None,
    ) -> None:
        self._door = FrontDoor(flow, face)
        self._upstream = Upstream(flow, logout, protocols, face)
        self._account = account
        self._aliases = AliasDoor(flow.database)
        self._errors = face.refusal
        self._files = BrandFiles(brands).rows(face.not_found) if brands is not None else []

    def rows(self, nowhere: ErrorFace | None = None) -> list[OpenRoute]:
        """All rows, those of the connections made from the endpoints that each protocol names. ``nowhere``: how an address
        where there is nothing says so."""
        return [
            *self._door.rows(self._errors),
            *self._account.rows(self._errors),
            *self._upstream.rows(self._errors),
            *self._aliases.rows(nowhere or self._errors),
            *self._files,
        ]

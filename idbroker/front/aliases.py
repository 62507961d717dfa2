"""Answers that arrive at another product's address, because the IdP has not been told of ours (options ``acs_url_aliases`` and
``request_redirect_uri``).

Nothing is decided here: the browser is sent on with what it brought, to the connection's own address, where every check is
made. Which connection that is follows from the sign-in that the answer belongs to, and from nothing that anybody could claim.
"""

from __future__ import annotations

from urllib.parse import quote

from idbroker.connections.alias_rows import AliasWhereabouts
from idbroker.kernel.errors import Refusal
from idbroker.login.attempt import Attempts
from idbroker.storage.database import Database
from idbroker.web.call import Answer, BadRequest, Call, redirect
from idbroker.web.route import ANYWHERE, ErrorFace, OpenRoute

UNCLEAR = (
    "This answer does not say which sign-in it belongs to, and several organisations share this address. Please go back to the "
    "application and start there."
)
AS_IT_CAME = "%&=+;,/?:@!$'()*"
"""What stays in a query; everything else in it is encoded, if it is not already."""


class AliasDoor:
    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        """``errors``: that of any address where there is nothing."""
        return [
            OpenRoute(method="POST", path=ANYWHERE, handler=self.deliver, limit="sign_in", errors=errors, inline=False),
            OpenRoute(method="GET", path=ANYWHERE, handler=self.lead_on, limit="sign_in", errors=errors, inline=False),
        ]

    def deliver(self, call: Call) -> Answer:
        """SAML: 307, with the form that was posted. The target is ours, so nothing is told to anybody else."""
        return redirect(f"{call.base_url}/saml/{self._connection(call, _relay_state(call))}/acs", status=307)

    def lead_on(self, call: Call) -> Answer:
        """OpenID Connect: the same, with the query. A page that is nowhere ends here as well, mostly without a state."""
        if "state" not in call.query:
            raise _nothing_here()
        query = quote(call.raw_query, safe=AS_IT_CAME)
        return redirect(f"{call.base_url}/oidc/{self._connection(call, call.query['state'][:200])}/callback?{query}")

    def _connection(self, call: Call, handle: str) -> str:
        """Whose answer it is. Raises Refusal."""
        with self._database.platform(call.actor, read_only=True) as unit:
            found = unit[AliasWhereabouts].connections(call.path, call.raw_query)
            if not found:
                raise _nothing_here()
            attempt = unit[Attempts].get(handle)
        if attempt is not None and attempt.connection_id in found:
            return attempt.connection_id
        if len(found) > 1:
            raise Refusal("alias_unclear", UNCLEAR, detail=f"{len(found)} connections have {call.path[:200]}", status=403)
        return found[0]


def _nothing_here() -> Refusal:
    return Refusal("not_found", "There is nothing at this address.", status=404)


def _relay_state(call: Call) -> str:
    """Empty for what is no form of an IdP: the connection itself refuses that."""
    try:
        return call.form.get("RelayState", "")[:200]
    except BadRequest:
        return ""

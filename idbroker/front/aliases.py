"""Answers that arrive at another product's address, because the IdP has not been told of ours (option ``acs_url_aliases``).

Nothing is decided here: the browser is sent on with what it brought, to the connection's own address, where every check is
made. Which connection that is follows from the sign-in that the answer belongs to, and from nothing that anybody could claim.
"""

from __future__ import annotations

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


class AliasDoor:
    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        """``errors``: that of any address where there is nothing."""
        return [OpenRoute(method="POST", path=ANYWHERE, handler=self.deliver, limit="sign_in", errors=errors, inline=False)]

    def deliver(self, call: Call) -> Answer:
        """307: with the form that was posted. The target is ours, so nothing is told to anybody else."""
        with self._database.platform(call.actor, read_only=True) as unit:
            found = unit[AliasWhereabouts].connections(call.path, call.raw_query)
            if not found:
                raise Refusal("not_found", "There is nothing at this address.", status=404)
            attempt = unit[Attempts].get(_relay_state(call))
        connection = attempt.connection_id if attempt is not None and attempt.connection_id in found else None
        if connection is None and len(found) > 1:
            raise Refusal("alias_unclear", UNCLEAR, detail=f"{len(found)} connections have {call.path[:200]}", status=403)
        return redirect(f"{call.base_url}/saml/{connection or found[0]}/acs", status=307)


def _relay_state(call: Call) -> str:
    """Empty for what is no form of an IdP: the connection itself refuses that."""
    try:
        return call.form.get("RelayState", "")[:200]
    except BadRequest:
        return ""

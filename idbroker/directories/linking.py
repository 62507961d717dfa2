"""Finding a provisioned person by what a sign-in says of him."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, union
from sqlalchemy import select as columns
from sqlmodel import col, select

from idbroker.directories.model import Directory
from idbroker.directories.resources import EMAILS, USERS
from idbroker.storage.unit import TenantRepository

_BY_EXTERNAL_ID = (
    columns(USERS.c.id)
    .where(
        USERS.c.tenant_id == bindparam("tenant"),
        USERS.c.directory_id.in_(bindparam("directories", expanding=True)),
        USERS.c.external_id == bindparam("name"),
    )
    .limit(2)
)
_BY_ADDRESS = union(
    columns(USERS.c.id).where(
        USERS.c.tenant_id == bindparam("tenant"),
        USERS.c.directory_id.in_(bindparam("directories", expanding=True)),
        USERS.c.user_name_key == bindparam("name"),
    ),
    columns(EMAILS.c.user_id).where(
        EMAILS.c.tenant_id == bindparam("tenant"),
        EMAILS.c.directory_id.in_(bindparam("directories", expanding=True)),
        EMAILS.c.value_key == bindparam("name"),
        EMAILS.c.is_primary.is_(True),
    ),
).limit(2)


class ProvisionedPeople(TenantRepository):
    """``directory_ids``: the directories that may be meant. Two answers are as good as none: nobody is guessed."""

    def directories_for(self, connection_id: str) -> list[str]:
        """Those whose people may sign in through that connection."""
        bound = col(Directory.connection_id)
        statement = select(Directory.id).where(or_(bound == connection_id, bound.is_(None)))
        return list(self.session.execute(statement).scalars())

    def by_external_id(self, directory_ids: Sequence[str], name: str) -> list[str]:
        return list(self.scoped(_BY_EXTERNAL_ID, {"directories": list(directory_ids), "name": name}).scalars())

    def by_address(self, directory_ids: Sequence[str], name: str) -> list[str]:
        """By userName or primary e-mail; ``name`` is an address in normal form."""
        return list(self.scoped(_BY_ADDRESS, {"directories": list(directory_ids), "name": name}).scalars())

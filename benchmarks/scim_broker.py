"""The broker as it is asked in benchmarks/scim.py: started as an operator would, filled with rows as it would write them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.deployment import wait_for
from benchmarks.scim_target import GROUP, Target, document, postmaster, running
from idbroker.access.api_keys import ApiKeys
from idbroker.app import Services, build_services
from idbroker.directories.resources import EMAILS, USERS, Resources
from idbroker.directory.model import Group, Membership, User
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.settings import load_settings
from scim.schemas.schema_set import STANDARD
from scim.stored import group_values, user_values
from tests.support.databases import PostgresServer

OPERATOR = Actor(type="operator", name="benchmark")
BATCH = 2000
ROOT = Path(__file__).resolve().parents[1]
MASTER = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
LIMITS = {name: {"per_minute": 1_000_000, "burst": 100_000} for name in ("scim_read", "scim_write")}
"""What is limited is not what is measured here."""


@contextmanager
def broker(
    folder: Path, port: int, sizes: Sequence[int], groups: int, tenants: int, server: PostgresServer | None
) -> Iterator[list[Target]]:
    """One process, a directory of each size in a tenant of its own. On PostgreSQL when there is a server, else on SQLite."""
    url, owner, database = f"sqlite:///{folder}/broker.db", {}, None
    if server is not None:
        urls = server.fresh(migrated=False)
        url, owner, database = urls.database, {"IDBROKER_DATABASE_OWNER_URL": str(urls.owner)}, postmaster(folder)
    ours = {
        "IDBROKER_MASTER_KEY": MASTER, "IDBROKER_DATABASE_URL": url, "IDBROKER_PUBLIC_URL": f"http://127.0.0.1:{port}", **owner
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IDBROKER_")}
    environment = {**kept, **ours, "PYTHONPATH": str(ROOT)}
    if server is not None:
        subprocess.run([sys.executable, "-m", "idbroker.cli", "migrate"], env=environment, check=True, cwd=ROOT)
    command = [sys.executable, "-m", "idbroker.cli", "serve", "--port", str(port)]
    name = "broker, " + ("SQLite" if server is None else "PostgreSQL")
    with running(command, folder / f"broker-{port}.log", environment) as process:
        wait_for(port)
        services = build_services(load_settings(ours, Path("/nonexistent")))
        try:
            with services.database.platform(OPERATOR) as unit:
                key = unit[ApiKeys].create("benchmark", None, "operator")[1]
            admin = Admin(f"http://127.0.0.1:{port}", key)
            for other in range(tenants - len(sizes)):
                tenant, directory, _ = admin.directory(f"other{other}")
                fill(services, tenant, directory, 20, 1)
            targets = []
            for size in sizes:
                tenant, directory, token = admin.directory(f"size{size}")
                ids, group = fill(services, tenant, directory, size, max(1, groups * size // sizes[0]))
                base = f"http://127.0.0.1:{port}/scim/v2"
                targets.append(Target(f"{name}, {size}", base, token, process.pid, ids, group, sorts=True, database=database))
        finally:
            services.close()
        if server is not None:
            vacuum(str(urls.owner))
        yield targets


def vacuum(url: str) -> None:
    """What PostgreSQL would do by itself a minute later, in the middle of what is measured."""
    import psycopg  # noqa: PLC0415 - an extra, imported where it is wanted alone

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


class Admin:
    def __init__(self, base: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=f"{base}/api/v1", headers=headers, timeout=120, trust_env=False)

    def directory(self, slug: str) -> tuple[str, str, str]:
        """(tenant, directory, token). Its brake is off: what is measured switches half of the people off and on."""
        self._http.post("/tenants", json={"slug": slug, "name": slug, "tier": "enterprise"}).raise_for_status()
        self._http.patch(f"/tenants/{slug}", json={"limits": LIMITS}).raise_for_status()
        tenant = self._http.get(f"/tenants/{slug}").json()["id"]
        below = f"/tenants/{tenant}/directories"
        made = self._http.post(below, json={"name": "IdP", "brake": {"percent": None}}).json()["id"]
        return tenant, made, self._http.post(f"{below}/{made}/tokens", json={}).json()["token"]


def fill(services: Services, tenant: str, directory: str, users: int, groups: int) -> tuple[list[str], str]:
    """Rows as the server itself would have written them, many at once. Returns the ids, and a group of half the people."""
    scope, now = TenantScope(TenantId(tenant), OPERATOR), services.clock.now()
    ids: list[str] = []
    for start in range(0, users, BATCH):
        with services.database.tenant(scope) as unit:
            people: list[dict[str, Any]] = []
            resources: list[dict[str, Any]] = []
            emails: list[dict[str, Any]] = []
            for number in range(start, min(users, start + BATCH)):
                one, made = new_id("usr"), document(number)
                ids.append(one)
                people.append({
                    "tenant_id": tenant, "id": one, "email": made["userName"], "email_verified": False,
                    "user_name": made["userName"], "display_name": made["displayName"], "active": True, "source": "scim",
                    "created_at": now, "updated_at": now, "directory_id": directory,
                    "given_name": made["name"]["givenName"], "family_name": made["name"]["familyName"],
                })  # fmt: skip
                columns = user_values(made, STANDARD.user)
                resources.append({
                    "tenant_id": tenant, "id": one, "directory_id": directory, "version": 1, "created_at": now,
                    "modified_at": now, **columns,
                })  # fmt: skip
                emails.append({
                    "tenant_id": tenant, "user_id": one, "value_key": made["userName"], "directory_id": directory,
                    "is_primary": True,
                })  # fmt: skip
            connection = unit.transaction.connection
            connection.execute(User.__table__.insert(), people)  # type: ignore[attr-defined] # set by SQLModel
            connection.execute(USERS.insert(), resources)
            connection.execute(EMAILS.insert(), emails)
            unit[Resources].count("User", directory, len(people))
    large = ""
    for start in range(0, groups, 200):
        with services.database.tenant(scope) as unit:
            for number in range(start, min(groups, start + 200)):
                one, name = new_id("grp"), f"Group {number}"
                large = large or one
                unit.session.add(
                    Group(tenant_id=tenant, id=one, display_name=name, source=directory, directory_id=directory, created_at=now)
                )
                fixed = {"id": one, "directory_id": directory, "version": 1, "created_at": now, "modified_at": now}
                group = group_values({"schemas": [GROUP], "displayName": name}, STANDARD.group)
                unit[Resources].insert("Group", {**group, **fixed})
    with services.database.tenant(scope) as unit:
        rows = [{"tenant_id": tenant, "user_id": one, "group_id": large, "source": "scim"} for one in ids[: users // 2]]
        unit.transaction.connection.execute(Membership.__table__.insert(), rows)  # type: ignore[attr-defined] # by SQLModel
    return ids, large

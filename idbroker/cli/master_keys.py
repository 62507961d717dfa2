"""``idbroker keys rotate-master`` and ``rotate-data``: the keys that seal secrets."""

from __future__ import annotations

from typing import Annotated

import typer

from idbroker.cli.answers import AsJson, Stop, known_tenant, open_services, operator, show
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.worker import each_tenant


def keys_rotate_master(
    *, check: Annotated[bool, typer.Option("--check", help="Only count what is left.")] = False, as_json: AsJson = False
) -> None:
    """Wrap every data key with the newest master key. Safe to repeat, to kill and to run beside servers."""
    services = open_services()
    if len(services.settings.master_keys()) < 2 and not check:
        typer.echo("only one master key is configured; put the new one in front of it in IDBROKER_MASTER_KEY", err=True)
    owners = [PLATFORM_TRAIL, *(scope.tenant for scope in each_tenant(services.database))]
    moved, lost = 0, []
    for one in () if check else services.rewrapping.rewrap(owners):
        moved += one.moved
        lost += [one.tenant] if one.lost else []
    left = services.rewrapping.left(owners)
    show([{"moved": moved, "left": left, "tenants": len(owners) - 1}], as_json=as_json, single=True)
    services.close()
    if lost:
        raise Stop(f"keys of these open with none of the configured master keys: {', '.join(lost[:20])}")
    if not left:
        typer.echo("all data keys are wrapped by the newest master key; the older ones can be taken away", err=True)


def keys_rotate_data(tenant: Annotated[str, typer.Option(help="Slug or id.")], *, as_json: AsJson = False) -> None:
    """Seal a tenant's secrets with a new data key from now on. What was sealed before opens as before."""
    services = open_services()
    with services.database.platform(operator(), read_only=True) as unit:
        owner = known_tenant(unit, tenant).tenant_id
    show([{"tenant": owner, "generation": services.rewrapping.new_data_key(owner)}], as_json=as_json, single=True)
    services.close()

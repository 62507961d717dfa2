"""``idbroker signing-keys``: the keys that sign tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from idbroker.app import Services
from idbroker.cli.answers import AsJson, Stop, known_tenant, open_services, operator, show
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.keys.rotation import KeyState
from idbroker.keys.signing import ALGORITHMS, Algorithm

signing_app = typer.Typer(no_args_is_help=True, help="The keys that sign tokens.")
OfTenant = Annotated[str | None, typer.Option("--tenant", help="Slug or id; without it, the shared issuer.")]


@signing_app.command("list")
def signing_list(
    tenant: OfTenant = None,
    *,
    as_json: AsJson = False,
) -> None:
    """The keys that an issuer publishes."""
    services = open_services()
    states = services.rotation.states(_issuer(services, tenant))
    show([_shown(key) for key in states], as_json=as_json)


@signing_app.command("rotate")
def signing_rotate(
    tenant: OfTenant = None,
    algorithm: Annotated[str | None, typer.Option(help="RS256, ES256 or EdDSA; without it, all.")] = None,
) -> None:
    """Let the next key sign, at once when it has been published for an hour; the old one stays published for two more."""
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise Stop(f"--algorithm is one of: {', '.join(ALGORITHMS)}")
    chosen: tuple[Algorithm, ...] = (algorithm,) if algorithm else ALGORITHMS
    services = open_services()
    owner = _issuer(services, tenant)
    for each in chosen:
        rotation = services.rotation.rotate(owner, each)
        typer.echo(f"{each}: {rotation.kid} signs from {rfc3339(rotation.at)}")


@signing_app.command("retire")
def signing_retire(
    kid: Annotated[str, typer.Argument(help="As `signing-keys list` shows it.")], tenant: OfTenant = None
) -> None:
    """Stop publishing a retired key at once: tokens that it signed are no longer accepted anywhere."""
    services = open_services()
    if not services.rotation.withdraw(_issuer(services, tenant), kid):
        raise Stop(f"{kid} is not a retired key of this issuer. Rotate first: idbroker signing-keys rotate")
    typer.echo(f"{kid} is no longer published")


def _shown(key: KeyState) -> dict[str, str | None]:
    times = {"signs_from": key.activated_at, "retired_at": key.retired_at}
    shown = {name: rfc3339(moment) if moment else None for name, moment in times.items()}
    return {"kid": key.kid, "algorithm": key.algorithm, "state": key.state, **shown}


def _issuer(services: Services, tenant: str | None) -> TenantId:
    if tenant is None:
        return PLATFORM_TRAIL
    with services.database.platform(operator(), read_only=True) as unit:
        return known_tenant(unit, tenant).tenant_id

"""``idbroker tenant synth``: synthetic tenants made and removed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from idbroker.app import Services
from idbroker.cli.answers import AsJson, Stop, open_services, operator, show
from idbroker.synthetic.identity_providers import drafts
from idbroker.synthetic.maker import TenantMaker
from idbroker.synthetic.plan import planned
from idbroker.synthetic.removal import SyntheticRemoval

TOLD_EVERY = 500


def tenant_synth(
    tenants: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="How many.")] = None,
    people: Annotated[int, typer.Option(min=0, max=1_000_000, help="In each.")] = 20,
    groups: Annotated[int, typer.Option(min=0, max=1000, help="In each.")] = 5,
    seed: Annotated[int, typer.Option(min=0, max=999_999, help="The same seed makes the same tenants.")] = 1,
    *,
    idp_metadata: Annotated[Path | None, typer.Option(help="Metadata of a SAML identity provider that they trust.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Erase all synthetic tenants, and no other.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make artificial tenants with people, groups and connections, for load tests and demonstrations; or erase them all."""
    if remove is (tenants is not None):
        raise Stop("say --tenants N, or --remove")
    services = open_services()
    try:
        if tenants is None:
            _remove(services, yes=yes, as_json=as_json)
        else:
            _make(services, (tenants, people, groups, seed), _text(idp_metadata), as_json=as_json)
    finally:
        services.close()


def _make(services: Services, wanted: tuple[int, int, int, int], metadata: str | None, *, as_json: bool) -> None:
    tenants, people, groups, seed = wanted
    maker, outcomes, added = TenantMaker(services, operator(), drafts(services, metadata)), Counter[str](), 0
    for number in range(tenants):
        done = maker.make(planned(seed, number, groups), people)
        outcomes[done.outcome] += 1
        added += done.people
        if done.outcome == "taken":
            typer.echo(f"{done.plan.slug}: slug or domain is taken by another tenant; left alone", err=True)
        if (number + 1) % TOLD_EVERY == 0:
            typer.echo(f"{number + 1} of {tenants}", err=True)
    if outcomes["there"]:
        typer.echo(f"{outcomes['there']} were there already", err=True)
    told = {"made": outcomes["made"], "there": outcomes["there"], "taken": outcomes["taken"], "people": added}
    show([told if as_json else {"said": f"{told['made']} tenants made, {added} people"}], as_json=as_json, single=True)


def _remove(services: Services, *, yes: bool, as_json: bool) -> None:
    removal = SyntheticRemoval(services, operator())
    if not yes:
        typer.confirm(f"{removal.waiting()} synthetic tenants will be gone for ever. Go on?", abort=True, err=True)
    removed = left = 0
    for one in removal.run():
        if one.left is not None:
            left += 1
            typer.echo(f"{one.slug}: {one.left}", err=True)
            continue
        removed += 1
        if removed % TOLD_EVERY == 0:
            typer.echo(f"{removed} removed", err=True)
    told = {"removed": removed, "left": left}
    show([told if as_json else {"said": f"{removed} synthetic tenants removed"}], as_json=as_json, single=True)
    if left:
        raise Stop(f"{left} synthetic tenants are still there, see above. Run it again when they can go")


def _text(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{path} cannot be read: {error}") from error

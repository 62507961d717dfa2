"""Where a tenant lives: the cell that it is given, and what its region may then be called."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.kernel.errors import invalid_field
from idbroker.kernel.ids import TenantId
from idbroker.storage.cells import HOME, CellPlan, Cells, chosen_cell
from idbroker.tenants.model import Tenant


@dataclass(frozen=True, slots=True)
class Place:
    cell: str | None
    """None is home."""
    region: str | None


def placed(cells: Cells | None, tenant: TenantId, cell: str | None, region: str | None) -> Place:
    """Where a new tenant goes: to the cell that is named, else to one of its region that takes new tenants.

    Where regions are no places (there is one cell, and nobody said where it is) a region is what the operator calls it.
    Raises Invalid.
    """
    plans = [one.plan for one in cells] if cells is not None else []
    if not plans:
        if cell not in (None, HOME):
            raise invalid_field("/cell", "There is no such cell.")
        return Place(None, region)
    if cell is not None:
        plan = named(plans, cell)
        if plan.region is not None and region not in (None, plan.region):
            raise invalid_field("/region", f"The cell {plan.name} is in {plan.region}.")
    else:
        found = chosen_cell(plans, region, tenant)
        if found is None:
            raise invalid_field("/region", "No cell of this region takes new tenants.")
        plan = found
    return Place(stored(plan.name), plan.region or region)


def named(plans: list[CellPlan], cell: str) -> CellPlan:
    """Raises Invalid."""
    for plan in plans:
        if plan.name == cell:
            return plan
    raise invalid_field("/cell", f"There is no such cell. The cells are: {', '.join(plan.name for plan in plans)}.")


def stored(cell: str) -> str | None:
    """As ``tenants.cell`` holds it."""
    return None if cell == HOME else cell


def check_region(cells: Cells | None, tenant: Tenant, region: str | None) -> None:
    """Raises Invalid when the tenant's rows are somewhere else: a region is changed by moving the tenant."""
    plan = cells.named(tenant.cell or HOME).plan if cells is not None else None
    if plan is not None and plan.region is not None and region != plan.region:
        raise invalid_field(
            "/region", f"The tenant's data is in {plan.region}. Move the tenant to a cell of the other region instead."
        )

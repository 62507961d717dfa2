"""The guide's page of the same steps, as Markdown: a test holds ``docs/guide/idp/setup-steps.md`` against it."""

from __future__ import annotations

import sys

from admin_ui.setup.vendors import VENDORS, Field, Step, Vendor

NAMES = {
    "acs_url": "`sp.acs_url`",
    "acs_pattern": "`sp.acs_url` as a regular expression",
    "entity_id": "`sp.entity_id`",
    "metadata_url": "`sp.metadata_url`",
    "redirect_uri": "`rp.redirect_uri`",
    "initiate_login_uri": "`rp.initiate_login_uri`",
}
INTRODUCTION = """\
# Steps per identity provider

What the setup portal shows, in the same words. Names are those of the vendors' consoles when this was written; “look for”
marks what may be called otherwise with you. Our values are those of the connection, or of its reservation.
"""


def markdown() -> str:
    return "\n".join([INTRODUCTION, *(_vendor(vendor) for vendor in VENDORS)])


def _vendor(vendor: Vendor) -> str:
    steps = "\n".join(f"{number}. {_step(step)}" for number, step in enumerate(vendor.steps, 1))
    issuer = f"\n\nIssuer: {vendor.issuer}." if vendor.issuer else ""
    return f"## {vendor.name}\n\n{steps}\n\nWhat to bring back: {vendor.gives}{issuer}\n"


def _step(step: Step) -> str:
    said = " ".join(step.says)
    where = f" {step.path}." if step.path else ""
    fields = "".join(f"\n   - “{field.name}”: {_value(field)}" for field in step.fields)
    return f"**{step.title}.**{where}{' ' + said if said else ''}{fields}"


def _value(field: Field) -> str:
    return NAMES[field.ours] if field.ours else f"`{field.text}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())

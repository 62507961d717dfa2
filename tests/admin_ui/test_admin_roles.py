"""Roles of a tenant's own, in the pages: made of what one may do oneself, given, changed, removed when nobody has them."""

from __future__ import annotations

from tests.support.ui_world import UiWorld


def test_a_role_from_its_making_to_its_end(world: UiWorld) -> None:
    world.tenant("acme")
    owner, admin = world.admin("acme"), world.admin("acme", "admin")
    home = "/admin/t/acme/admin-roles"
    boxes = {"allows:audit:read": "on", "allows:people:read": "on"}
    assert 'name="allows:api_keys:write"' in owner.get(f"{home}/new").text
    assert 'name="allows:api_keys:write"' not in admin.get(f"{home}/new").text, "nobody is offered what he may not do himself"
    wrong = owner.post(f"{home}/new", name="The Auditors", **boxes)
    assert wrong.status == 422
    assert 'name="allows:people:read" value="on" checked' in wrong.text, "what was chosen is still there"
    assert owner.post(f"{home}/new", name="auditor", description="Reads", **boxes).location == home
    role = world.api("GET", "/tenants/acme/admin-roles")["data"][0]["id"]
    assert "audit:read, people:read" in owner.get(home).text
    assert owner.post("/admin/t/acme/admins", email="x@acme.example", role="auditor").status == 200
    page = owner.get(f"{home}/{role}")
    version = page.text.split('name="version" value="')[1].split('"')[0].replace("&#34;", '"')
    assert owner.post(f"{home}/{role}", version=version, **{"allows:api_keys:write": "on"}).location == home
    assert owner.post(f"{home}/{role}", version=version, **boxes).status == 412
    assert "It allows: api_keys:write" in admin.get(f"{home}/{role}").text
    assert admin.post(f"{home}/{role}/remove").status == 403
    assert "in use: 1 admin" in owner.post(f"{home}/{role}/remove").text
    invited = next(one for one in world.api("GET", "/tenants/acme/admins")["data"] if one["role"] == "auditor")
    world.api("PATCH", f"/tenants/acme/admins/{invited['id']}", {"role": "guest"})
    assert owner.post(f"{home}/{role}/remove").location == home
    assert world.api("GET", "/tenants/acme/admin-roles")["data"] == []

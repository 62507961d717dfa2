"""Webhooks have two homes, and neither page shows or touches what lives in the other."""

from __future__ import annotations

import pytest

from tests.support.ui_world import Person, UiWorld


@pytest.fixture(scope="module")
def made(shared: UiWorld) -> dict[str, str]:
    """Whose webhook → its id: the operator's, and each of two tenants'."""
    found = {"operator": shared.api("POST", "/webhooks", {"url": "https://ops.example/in"})["id"]}
    for slug in ("acme", "globex"):
        shared.tenant(slug)
        found[slug] = shared.api("POST", f"/webhooks?tenant={slug}", {"url": f"https://{slug}.example/in"})["id"]
    return found


@pytest.fixture(scope="module")
def operator(shared: UiWorld, made: dict[str, str]) -> Person:
    return shared.entered("acme")


def test_an_operator_makes_a_tenants_own(shared: UiWorld, made: dict[str, str]) -> None:
    assert shared.api("GET", f"/webhooks/{made['acme']}")["tenant_id"] == shared.api("GET", "/tenants/acme")["id"]
    assert [one["id"] for one in shared.api("GET", "/webhooks?tenant=acme")["data"]] == [made["acme"]]
    assert [one["id"] for one in shared.api("GET", "/webhooks")["data"]] == [made["operator"]]
    key = shared.api("POST", "/api-keys", {"name": "k", "scope": "tenant", "tenant": "acme", "role": "owner"})["key"]
    shared.api("POST", "/webhooks?tenant=globex", {"url": "https://x.example"}, key=key, status=404)


@pytest.mark.parametrize(
    ("home", "owner"), [("/admin/webhooks", "operator"), ("/admin/t/acme/webhooks", "acme")], ids=["operator", "tenant"]
)
def test_each_home_shows_its_own_alone(operator: Person, made: dict[str, str], home: str, owner: str) -> None:
    page = operator.get(home)
    for name, webhook in made.items():
        assert (webhook in page.text) is (name == owner)
        expected = 200 if name == owner else 404
        assert operator.get(f"{home}/{webhook}").status == expected
        assert operator.get(f"{home}/{webhook}/remove").status == expected
        if name != owner:
            for act in ("", "/status", "/test", "/secrets", "/replay", "/remove"):
                assert operator.post(f"{home}/{webhook}{act}", page=home + "/new", url="https://x.example").status == 404


def test_a_webhook_from_its_form_to_its_end(shared: UiWorld, operator: Person) -> None:
    home = "/admin/t/acme/webhooks"
    answer = operator.post(f"{home}/new", url="no address", everything="on")
    assert answer.status == 422
    assert "no address" in answer.text, "what was typed is kept"
    answer = operator.post(f"{home}/new", url="https://acme.example/two", **{"event:user.*": "on"}, events="session.ended")
    secret = answer.value("webhook-secret")
    assert secret.startswith("whsec_")
    (found,) = [one for one in shared.api("GET", "/webhooks?tenant=acme")["data"] if one["url"].endswith("two")]
    assert found["events"] == ["user.*", "session.ended"]
    one = f"{home}/{found['id']}"
    assert secret not in operator.get(one).text
    assert operator.post(f"{one}/secrets", page=one).value("webhook-secret") != secret
    assert operator.post(f"{one}/status", page=one, status="disabled").status == 303
    assert shared.api("GET", f"/webhooks/{found['id']}")["status"] == "disabled"
    assert operator.post(f"{one}/replay", page=one, since="1999-01-01T00:00").status == 422
    assert operator.post(f"{one}/remove").location == home
    assert operator.get(one).status == 404

"""Two people with the same page open: the second one is told of the first, loses nothing that he typed, and decides."""

from __future__ import annotations

import re

import pytest

from tests.support.ui_world import Page, Person, UiWorld


@pytest.fixture(scope="module")
def tenant(shared: UiWorld) -> str:
    shared.tenant("editors")
    return "editors"


@pytest.fixture(scope="module")
def places(shared: UiWorld, tenant: str) -> dict[str, tuple[Person, str]]:
    """Form → (who edits it, its page)."""
    operator, owner = shared.entered(tenant), shared.admin(tenant)
    app = shared.api("POST", "/apps", {"name": "Notes", "redirect_uris": ["https://notes.example/cb"]})["client_id"]
    directory = shared.api("POST", f"/tenants/{tenant}/directories", {"name": "Okta"})["id"]
    return {
        "settings": (owner, f"/admin/t/{tenant}/settings"),
        "tenant": (operator, f"/admin/tenants/{tenant}"),
        "app": (operator, f"/admin/apps/{app}"),
        "directory": (owner, f"/admin/t/{tenant}/directories/{directory}"),
    }


def fields(page: Page) -> dict[str, str]:
    """What the browser would send of the form with the name in it."""
    form = next(text for text in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if 'name="version"' in text)
    sent = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
    sent |= dict(re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', form))
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        sent[name] = chosen.group(1) if chosen else ""
    return {name: value.replace("&#34;", '"') for name, value in sent.items() if name != "csrf"}


@pytest.mark.parametrize("place", ["settings", "tenant", "app", "directory"])
def test_the_second_editor_is_told_and_keeps_what_he_typed(places: dict[str, tuple[Person, str]], place: str) -> None:
    person, path = places[place]
    first, second = fields(person.get(path)), fields(person.get(path))
    assert person.post(path, **{**first, "name": "First"}).status == 303
    late = person.post(path, **{**second, "name": "Second"})
    assert late.status == 412
    assert "Someone else changed this after you opened it" in late.text
    assert fields(late)["name"] == "Second"
    assert fields(person.get(path))["name"] == "First"
    assert person.post(path, **fields(late)).status == 303, "told once, he may"
    assert fields(person.get(path))["name"] == "Second"


@pytest.mark.parametrize("place", ["settings", "tenant", "app", "directory"])
def test_an_error_of_his_own_does_not_hide_the_other_editor(places: dict[str, tuple[Person, str]], place: str) -> None:
    person, path = places[place]
    first, second = fields(person.get(path)), fields(person.get(path))
    wrong = person.post(path, **{**second, "name": ""})
    assert wrong.status == 422
    assert person.post(path, **{**first, "name": f"Third {place}"}).status == 303
    assert person.post(path, **{**fields(wrong), "name": "Fourth"}).status == 412

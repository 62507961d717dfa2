"""Each page of the reference against the code, both ways: nothing undocumented, nothing invented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from idbroker.access.permissions import OPERATOR, ROLES, Permission
from idbroker.audit.events import ACTIONS
from idbroker.exports.sections import SHOWN
from idbroker.kernel.errors import FieldError, Invalid, NotFound
from idbroker.settings import PREFIX, Settings
from oidc.relying_party.id_token import ID_TOKEN_CHECKS
from oidc.relying_party.reply_checks import REPLY_CHECKS
from saml.faults import FAULTS
from tests.docs.pages import REFERENCE, ROOT, sections, tables
from tests.docs.refusal_codes import Codes, collect
from tests.docs.surfaces import command_options, route_table


@pytest.fixture(scope="module")
def codes() -> Codes:
    return collect()


def test_every_setting_has_its_heading_and_no_other():
    assert set(sections(REFERENCE / "settings.md", 2)) == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_of_a_setting_is_the_one_that_the_page_tells(name: str):
    text = " ".join(sections(REFERENCE / "settings.md", 2)[PREFIX + name.upper()].split())
    default = Settings.model_fields[name].default
    plain = getattr(default, "get_secret_value", lambda: default)()
    told = "Default: none" if plain in (None, ()) else f"Default: `{plain}`"
    assert told in text


def test_every_section_of_an_export_is_on_its_page_and_no_other():
    told = {name for row in tables(REFERENCE / "export.md") if len(row) == 3 for name in re.findall(r"\w+", row[0])}
    assert told - {"section"} == set(SHOWN.values())


def test_every_action_of_the_catalogue_has_its_heading_and_no_other():
    assert set(sections(REFERENCE / "events.md", 3)) == set(ACTIONS)


def test_every_permission_says_what_it_allows_and_no_other_does():
    rows = [row for row in tables(REFERENCE / "permissions.md") if len(row) == 2 and ":" in row[0]]
    assert sorted(row[0] for row in rows) == sorted(Permission)


def test_the_table_of_roles_is_the_code_s():
    header, *rows = [row for row in tables(REFERENCE / "permissions.md") if len(row) > 2]
    assert header == ["permission", "operator", *ROLES]
    told = {(row[0], holder): cell == "yes" for row in rows for holder, cell in zip(header[1:], row[1:], strict=True)}
    held = {"operator": OPERATOR, **ROLES}
    assert told == {(str(permission), name): permission in held[name] for permission in Permission for name in held}


def test_every_refusal_says_its_code_or_is_listed_as_computed(codes: Codes):
    assert codes.unknown_computed == []


def test_every_refusal_code_has_its_heading_and_no_other(codes: Codes):
    assert set(sections(REFERENCE / "errors.md", 3)) == set(codes.written)


def test_the_codes_of_the_base_classes_are_found(codes: Codes):
    made = {NotFound().code, Invalid("x", [FieldError("/x", "y")]).code}
    assert made <= set(codes.written)


@pytest.mark.parametrize("check", [*REPLY_CHECKS, *ID_TOKEN_CHECKS], ids=lambda check: check.code)
def test_the_status_of_an_oidc_refusal_is_the_one_that_the_page_tells(check):
    assert _status(check.code) == check.status


@pytest.mark.parametrize("code", FAULTS)
def test_the_status_of_a_saml_refusal_is_the_one_that_the_page_tells(code: str):
    assert _status(code) == FAULTS[code].status


@pytest.mark.parametrize(("package", "page"), [("saml", "generic-saml.md"), ("oidc", "generic-oidc.md")])
def test_every_warning_about_an_upload_has_its_line_and_no_other(package: str, page: str):
    written = {code for path in (ROOT / package).rglob("*.py") for code in re.findall(r'Warn\(\s*"(\w+)"', path.read_text())}
    rows = [row for row in tables(ROOT / "docs" / "guide" / "idp" / page) if re.match(r"[a-z_]+_", row[0])]
    assert {code for row in rows for code in re.findall(r"\w+", row[0])} == written


def test_every_command_has_its_heading_and_no_other():
    assert set(sections(REFERENCE / "cli.md", 2)) == set(command_options())


@pytest.mark.parametrize("command", command_options())
def test_every_option_of_a_command_has_its_line_and_no_other(command: str):
    told = re.findall(r"^- `(--[a-z-]+)`", sections(REFERENCE / "cli.md", 2)[command], re.MULTILINE)
    assert sorted(told) == sorted(command_options()[command])


def test_every_route_has_its_line_and_no_other(tmp_path: Path):
    told = [tuple(row[:2]) for row in tables(REFERENCE / "routes.md") if row[0].isupper()]
    assert len(told) == len(set(told))
    assert set(told) == set(route_table(tmp_path))


def test_the_permission_of_a_route_is_the_one_that_the_page_tells(tmp_path: Path):
    told = {(row[0], row[1]): row[3] for row in tables(REFERENCE / "routes.md") if row[0].isupper()}
    for route, permission in route_table(tmp_path).items():
        assert permission is None or told[route] == permission, route


def _status(code: str) -> int:
    found = re.match(r"\s*HTTP (\d{3})\. ", sections(REFERENCE / "errors.md", 3)[code])
    assert found is not None, f"{code} does not begin with its status"
    return int(found[1])

"""A demo that has been lived in: tenants in every state, odd names, refusals, provisioning, things that end and that fail.

All of it is made from outside, as operators, identity providers and people would: over HTTP.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from idbroker.demo.people import HARBOR, ORCHARD
from idbroker.demo.world import World
from tests.support.http_browser import HttpBrowser

METADATA = Path(__file__).parents[2] / "fixtures" / "idp_metadata"
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"
LONG = "Sachverständigenbüro für außergewöhnlich lange Bezeichnungen und Zuständigkeiten Süd-Südwest GmbH & Co. KG"
CUSTOMERS = (
    "Acme Rockets", "Borealis Health", "Cobalt Mining", "Delft Optics", "Emberline", "Fjordbank", "Granite Insurance",
    "Halcyon Media", "Ilmenau Werke", "Jasper & Sons", "Kestrel Air", "Lumen Schools", "Meridian Freight", "Northwind",
    "Oakhurst", "Palisade Legal", "Quarry Foods", "Rivulet", "Sable Design", "Tundra Labs", "Umbra Games", "Vantage",
    "Wrenfield", "Xylo Music", "Yarrow Pharma", "Zephyr Energy", "東京精密", LONG, HOSTILE,
)  # fmt: skip
MOVES = {3: "paused", 7: "active", 9: "active", 11: "cancelled", 12: "active"}
SCIM_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SCIM_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Lived:
    """What was made, by what tests call it."""

    api: Api
    tenant: str = ORCHARD.slug
    ids: dict[str, str] = field(default_factory=dict)


class Api:
    def __init__(self, base: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=f"{base}/api/v1", headers=headers, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def lived_in(world: World) -> Lived:
    """Whatever a page can show stands in the tenant ``orchard`` afterwards; the others are for lists."""
    lived = Lived(Api(world.broker, world.operator_key))
    _customers(lived)
    _connections(lived)
    _directory(lived, world)
    _people(lived, world)
    _administration(lived)
    _deliveries(lived)
    _settle(lived)
    return lived


def _customers(lived: Lived) -> None:
    for number, name in enumerate(CUSTOMERS):
        tier = ("free", "growth", "enterprise")[number % 3]
        made = lived.api("POST", "/tenants", {"slug": f"customer-{number:02}", "name": name, "tier": tier, "region": "eu"})
        if number in MOVES:
            lived.api("POST", f"/tenants/{made['id']}/transitions", {"to": MOVES[number], "reason": "as agreed"})
    for name in ("Juniper Boards", LONG, HOSTILE):
        made = lived.api("POST", "/apps", {"name": name, "redirect_uris": ["https://app.example.com/callback"]})
        lived.ids["client_id"] = made["client_id"]


def _connections(lived: Lived) -> None:
    below = f"/tenants/{lived.tenant}"
    for name in ("okta", "expired", "two_certs", "entra", "weak_key"):
        text = (METADATA / f"{name}.xml").read_text(encoding="utf-8")
        called = name.replace("_", " ").capitalize()
        body = {"type": "saml", "name": f"{called} of the subsidiary", "status": "test", "metadata_xml": text}
        made = lived.api("POST", f"{below}/connections", body)
        lived.ids[name] = made["id"]
    lived.ids["connection"] = lived.ids["okta"]
    staged = {"label": "New certificate", "metadata_xml": (METADATA / "two_certs.xml").read_text(encoding="utf-8")}
    made = lived.api("POST", f"{below}/connections/{lived.ids['okta']}/candidates", staged)
    lived.ids["candidate"] = made["id"]
    for name in ("fruit.example", "a-rather-long-subdomain.of-a-rather-long-company-name.example"):
        lived.api("POST", f"{below}/domains", {"domain": name})
    lived.ids["domain"] = lived.api("GET", f"{below}/domains")["data"][-1]["id"]
    mappings = (("Kitchen", "editor"), ("Auditors", "viewer"), (HOSTILE, HOSTILE[:60]))
    for group, role in mappings:
        made = lived.api("POST", f"{below}/role-mappings", {"group": group, "role": role})
        lived.ids["mapping"] = made["id"]


def _directory(lived: Lived, world: World) -> None:
    below = f"/tenants/{lived.tenant}/directories"
    lived.ids["directory"] = lived.api("GET", below)["data"][0]["id"]
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 9 * 86400))
    tokens = f"{below}/{lived.ids['directory']}/tokens"
    lived.ids["token"] = lived.api("POST", tokens, {"expires_at": soon})["id"]
    quiet = lived.api("POST", below, {"name": HOSTILE, "dry_run": True})
    lived.ids["dry"] = quiet["id"]
    headers = {"authorization": f"Bearer {world.scim.token}", "user-agent": "Okta SCIM Client 1.0.0"}
    with httpx2.Client(headers=headers, timeout=30, trust_env=False) as http:
        ids = []
        for number, (given, family) in enumerate(PEOPLE):
            user = {
                "schemas": [SCIM_USER],
                "userName": f"person{number:02}@{ORCHARD.domain}",
                "externalId": f"00u{number:05}",
                "name": {"givenName": given, "familyName": family},
                "displayName": f"{given} {family}",
                "emails": [{"value": f"person{number:02}@{ORCHARD.domain}", "primary": True, "type": "work"}],
                "active": True,
            }
            made = http.post(f"{world.scim.base_url}/Users", json=user)
            assert made.status_code == 201, made.text
            ids.append(made.json()["id"])
        for group, members in (("Kitchen", ids[:9]), ("Auditors", ids[5:12]), (HOSTILE, ids[:2]), (LONG, ids[1:4])):
            body = {"schemas": [SCIM_GROUP], "displayName": group, "members": [{"value": one} for one in members]}
            assert http.post(f"{world.scim.base_url}/Groups", json=body).status_code == 201
        change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "name.familyName", "value": "Renamed"}]}
        assert http.patch(f"{world.scim.base_url}/Users/{ids[0]}", json=change).status_code == 200
        leave = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": "False"}]}
        assert http.patch(f"{world.scim.base_url}/Users/{ids[3]}", json=leave).status_code == 200
        assert http.post(f"{world.scim.base_url}/Users", json={"schemas": [SCIM_USER]}).status_code == 400
        http.get(f"{world.scim.base_url}/Users", params={"filter": 'userName eq "nobody@orchard.example"'})
    lived.ids["user"] = ids[0]


PEOPLE = (
    ("Ada", "Almeida"), ("Bjørn", "Åkesson"), ("Çelik", "Demir"), ("Dara", "O’Brien"), ("Eun-ji", "Park"),
    ("Fatima", "al-Fihri"), ("Grzegorz", "Brzęczyszczykiewicz"), ("Hana", "Novák"), ("Ines", "García López"),
    ("José", "Núñez"), ("Kwame", "Mensah"),
    ("Li", "Wei"), (HOSTILE[:60], "Mallory"), ("Nadia", "Petrova"), ("Olu", "Adeyemi"), ("Priya", "Raghunathan"),
    ("Quentin", "Dubois"), ("Rosa", "Lindqvist"), ("Sven", "Gårdh"), ("Tama", "Ngata"), ("Uma", "Iyer"), ("Vera", "Schäfer"),
    ("Wim", "de Vries"), ("Xiomara", "Ruiz"), ("Yusuf", "Kaya"), ("Zoë", "van den Heuvel"), ("Anh", "Nguyễn"),
    ("Beatriz", "Santos"), ("Chidi", "Okafor"), ("Dmitri", "Volkov"),
)  # fmt: skip


def _people(lived: Lived, world: World) -> None:
    """Sign-ins that went well, in every organisation, and some that were refused."""
    for organisation in (ORCHARD, HARBOR):
        for person in organisation.people:
            browser = HttpBrowser()
            browser.sign_in(world.app, person.email, person.password)
            browser.close()
    for fault in ("expired", "wrong_audience", "unsolicited"):
        browser = HttpBrowser()
        browser.open(f"{world.broker}/sso?email={ORCHARD.people[1].email}")
        page = browser.submit(username=ORCHARD.people[1].email, password=ORCHARD.people[1].password, fault=fault)
        browser.close()
        if "Reference: " in page.text:
            lived.ids["reference"] = page.text.partition("Reference: ")[2][:9]
    sessions = lived.api("GET", f"/tenants/{lived.tenant}/sessions")["data"]
    lived.ids["session"] = sessions[0]["id"]
    lived.ids["signed_in"] = sessions[0]["user_id"]
    lived.ids["group"] = lived.api("GET", f"/tenants/{lived.tenant}/groups")["data"][0]["id"]


def _administration(lived: Lived) -> None:
    below = f"/tenants/{lived.tenant}"
    for email, role in (
        ("owner@orchard.example", "owner"),
        ("helper@orchard.example", "admin"),
        ("reader@orchard.example", "member"),
    ):
        lived.ids["admin"] = lived.api("POST", f"{below}/admins", {"email": email, "role": role})["id"]
    for scopes in (["domains", "sso"], ["scim"], ["domains", "sso", "scim", "audit"]):
        made = lived.api("POST", f"{below}/setup-links", {"scopes": scopes})
        lived.ids["link"], lived.ids["setup_url"] = made["id"], made["url"]
    for name in ("Reports", HOSTILE):
        lived.ids["key"] = lived.api("POST", "/api-keys", {"name": name, "scope": "operator"})["id"]
        lived.api("POST", f"{below}/api-keys", {"name": name, "role": "member"})
    role = {"name": "help-desk", "description": HOSTILE, "permissions": ["audit:read", "sessions:end", "tenant:read"]}
    lived.ids["admin_role"] = lived.api("POST", f"{below}/admin-roles", role)["id"]
    for kind, url in (("https", "https://siem.example.com/in"), ("splunk_hec", "https://splunk.example.com/collect")):
        stream = {
            "type": kind,
            "name": f"{kind} of {LONG}"[:100],
            "url": url,
            **({"token": "x"} if kind == "splunk_hec" else {}),
        }
        lived.ids["stream"] = lived.api("POST", f"{below}/log-streams", stream)["id"]
    lived.api("PUT", f"{below}/alert-recipients", {"emails": ["it@orchard.example"]})


def _deliveries(lived: Lived) -> None:
    """To a port where nobody listens: the failures are real."""
    for query, description in (("", "Everything"), (f"?tenant={lived.tenant}", HOSTILE)):
        made = lived.api("POST", f"/webhooks{query}", {"url": "https://hooks.example.com/in", "description": description})
        lived.ids["webhook" if query else "own_webhook"] = made["id"]
        lived.api("POST", f"/webhooks/{made['id']}/test")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        lived.api("POST", f"/webhooks/{made['id']}/replay", {"since": now})


def _surveyed(lived: Lived) -> bool:
    """Whether the operator's overview has what it shows of all tenants."""
    today = lived.api("GET", "/overview")["sign_ins"][-1]
    return bool(today["refused"] and lived.api("GET", "/concerns")["data"])


def _settle(lived: Lived) -> None:
    """Until the worker has sealed and counted what happened."""
    for _ in range(200):
        found = lived.api("GET", f"/tenants/{lived.tenant}/sign-ins")["data"]
        refused = [one for one in found if one["outcome"] == "refused"]
        if len(found) >= 4 and refused and _surveyed(lived):
            lived.ids["sign_in"] = refused[0]["id"]
            return
        time.sleep(0.1)
    raise AssertionError("the trail was not sealed")

"""Log streams in the pages: made by type, looked at, tested, changed, resumed and removed; and behind a setup link."""

from __future__ import annotations

from tests.support.ui_world import BASE, UiWorld

TOKEN = "a-token-that-is-secret"


def test_a_stream_through_the_pages(shared: UiWorld) -> None:
    shared.tenant("streamy")
    admin, home = shared.admin("streamy"), "/admin/t/streamy/log-streams"
    assert "Splunk" in admin.get(f"{home}/new").text
    token = admin.get(f"{home}/new?type=splunk_hec").token
    wrong = admin.post(f"{home}/new", token=token, type="splunk_hec", url="ftp://x", name="SIEM")
    assert wrong.status == 422
    body = {"type": "splunk_hec", "url": "https://127.0.0.1:1", "name": "SIEM"}
    made = admin.client.post(f"{home}/new", data={"csrf": token, **body, "token": TOKEN}, headers={"origin": BASE})
    assert made.status_code == 303, made.text
    one = made.headers["location"]
    page = admin.get(one)
    assert "SIEM" in page.text
    assert TOKEN not in page.text
    assert "SIEM" in admin.get(home).text
    tested = admin.post(f"{one}/test", token=page.token)
    assert "has not arrived" in tested.text
    kept = admin.post(one, token=page.token, name="SOC", url="https://127.0.0.1:1", index="security", active="on")
    assert kept.status == 303, kept.text
    moved = admin.post(one, token=page.token, name="SOC", url="https://mallory.example", active="on")
    assert moved.status == 422
    off = admin.post(one, token=page.token, name="SOC", url="https://127.0.0.1:1")
    assert (off.status, "disabled" in admin.get(one).text) == (303, True)
    assert admin.post(f"{one}/resume", token=page.token).status == 303
    assert admin.post(f"{one}/remove", token=page.token).location == home
    assert "SOC" not in admin.get(home).text


def test_a_receiver_of_ones_own_gets_its_secret_once(shared: UiWorld) -> None:
    shared.tenant("hooky")
    admin, home = shared.admin("hooky"), "/admin/t/hooky/log-streams"
    token = admin.get(f"{home}/new?type=https").token
    made = admin.post(f"{home}/new", token=token, type="https", url="https://siem.example/in")
    assert "whsec_" in made.text
    (stream,) = shared.api("GET", "/tenants/hooky/log-streams")["data"]
    assert "whsec_" not in admin.get(f"{home}/{stream['id']}").text


def test_behind_a_setup_link(shared: UiWorld) -> None:
    shared.tenant("linked")
    link = shared.api("POST", "/tenants/linked/setup-links", {"scopes": ["log_streams"]})["url"]
    guest = shared.browser()
    path = "/setup/" + link.rpartition("/setup/")[2]
    guest.post(path)
    page = guest.get("/setup/steps/streams")
    assert "Where shall it go" in page.text
    token = guest.get("/setup/steps/streams?type=https").token
    made = guest.post("/setup/steps/streams", token=token, type="https", url="https://127.0.0.1:1/in")
    assert "whsec_" in made.text
    (stream,) = shared.api("GET", "/tenants/linked/log-streams")["data"]
    assert "has not arrived" in guest.post("/setup/steps/streams/test", token=token, stream=stream["id"]).text
    assert guest.post("/setup/steps/streams/test", token=token, stream="lst_" + "0" * 26).status == 404
    assert guest.get("/setup/steps/domain").status == 403
    done = guest.get("/setup/work/home")
    assert done.location == "/setup/work/done"

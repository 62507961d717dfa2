"""Endpoints that lead into our own network, through the genuine guard: nothing is called, and the diagnosis says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.errors import Invalid
from idbroker.outbound.fetcher import GuardedFetcher
from oidc.relying_party.protocol import OidcProtocol
from tests.support.oidc_op import BASE, ISSUER, World, members

HOSTS = [
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "2130706433", "0x7f000001", "localhost", "168.63.129.16",
]  # fmt: skip
ENDPOINTS = {
    "token_endpoint": "token_endpoint.reached",
    "jwks_uri": "jwks.reached",
    "userinfo_endpoint": "userinfo.reached",
}


class Split:
    """The provider's own address goes to the double, every other through the genuine guard."""

    def __init__(self, honest):
        self.honest = honest
        self.guarded = GuardedFetcher((), timeout=2)

    def _for(self, url):
        return self.honest if url.startswith(f"{ISSUER}/") else self.guarded

    def get(self, url, **given):
        return self._for(url).get(url, **given)

    def post_form(self, url, fields, **given):
        return self._for(url).post_form(url, fields, **given)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("host", HOSTS)
def test_nothing_inside_is_called(host, endpoint):
    world = World()
    world.op.without = ("email", "email_verified")
    honest = world.connection()
    connection = replace(honest, settings={**honest.settings, endpoint: f"https://{host}:8443/x"})
    fetcher = Split(world.fetcher)
    world.protocol = OidcProtocol(BASE, world.clock, fetcher)
    with pytest.raises(ReplyRefused) as refused:
        world.sign_in(connection)
    fetcher.guarded.close()
    assert (refused.value.code, refused.value.status) == ("oidc_idp_unreachable", 502)
    [failed] = [finding for finding in refused.value.findings if finding.outcome == "fail"]
    assert failed.check == ENDPOINTS[endpoint]
    assert "outbound_blocked" in failed.received
    assert host not in refused.value.public


@pytest.mark.parametrize("host", HOSTS)
def test_an_issuer_inside_is_not_discovered(host):
    world = World()
    world.protocol = OidcProtocol(BASE, world.clock, GuardedFetcher((), timeout=2))
    with pytest.raises(Invalid) as refused:
        world.connection(issuer=f"https://{host}:8443")
    assert refused.value.errors[0].pointer == "/issuer"


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"])
@pytest.mark.parametrize("url", ["http://169.254.169.254/", "file:///etc/passwd", "gopher://x/", "//x", "https://u:p@x/"])
def test_what_is_no_https_address_is_not_even_kept(name, url):
    world = World()
    world.fetcher.changes["/.well-known/openid-configuration"] = members(**{name: url})
    with pytest.raises(Invalid):
        world.connection()

"""Applications: what may be registered, how secrets come and go, every change in the operator's trail."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from idbroker.apps.model import Apps
from idbroker.apps.service import AppForm, AppService, check_consistent
from idbroker.kernel.errors import Conflict, Invalid, NotFound
from idbroker.kernel.ids import TenantId, is_id
from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.world import OPERATOR

GOOD: dict[str, Any] = {"name": "Demo", "redirect_uris": ["https://app.example.com/cb"]}


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> Broker:
    return Broker(stores, clock)


def create(broker: Broker, **fields: Any) -> tuple[str, str | None]:
    with broker.database.platform(OPERATOR) as unit:
        app, secret = AppService().create(unit, AppForm(**{**GOOD, **fields}))
        return app.id, secret


def test_a_confidential_app_has_a_secret_once(broker: Broker) -> None:
    app_id, secret = create(broker)
    assert is_id(app_id, "app")
    assert secret is not None
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        assert unit[Apps].secret_matches(app_id, secret)
        for wrong in ("", secret[:-1], secret + "x", secret.upper(), "é" * 43):
            assert not unit[Apps].secret_matches(app_id, wrong)
        assert not unit[Apps].secret_matches("app_other", secret)
        assert secret not in repr([row.model_dump() for row in unit[Apps].secrets(app_id)])


def test_a_public_app_has_none(broker: Broker) -> None:
    app_id, secret = create(broker, token_endpoint_auth_method="none")
    assert secret is None
    with pytest.raises(Invalid), broker.database.platform(OPERATOR) as unit:
        AppService().add_secret(unit, app_id)


def test_two_secrets_can_be_live(broker: Broker) -> None:
    app_id, first = create(broker)
    with broker.database.platform(OPERATOR) as unit:
        second = AppService().add_secret(unit, app_id)
    with pytest.raises(Conflict) as refused, broker.database.platform(OPERATOR) as unit:
        AppService().add_secret(unit, app_id)
    assert refused.value.code == "too_many_secrets"
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        assert unit[Apps].secret_matches(app_id, str(first))
        assert unit[Apps].secret_matches(app_id, second)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"redirect_uris": []},
        {"redirect_uris": ["http://app.example.com/cb"]},
        {"redirect_uris": ["https://app.example.com/cb#x"]},
        {"redirect_uris": ["https://user@app.example.com/cb"]},
        {"redirect_uris": ["https://app.example.com/cb", "/relative"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://a.example/" + str(n) for n in range(101)]},
        {"post_logout_redirect_uris": ["http://app.example.com/"]},
        {"backchannel_logout_uri": "ftp://app.example.com"},
        {"initiate_login_uri": "nonsense"},
        {"grant_types": ["password"]},
        {"grant_types": ["implicit"]},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"grant_types": []},
        {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
        {"jwks": {"keys": [{"kty": "EC"}]}, "jwks_uri": "https://app.example.com/jwks"},
        {"jwks_uri": "http://app.example.com/jwks"},
        {"resources": ["/relative"]},
        {"resources": ["https://api.example.com/#x"]},
        {"tenants": "some"},
        {"tenants": None},
        {"redirect_uri": "https://app.example.com/cb"},
    ],
)
def test_what_cannot_be_registered(fields: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, Invalid)):
        check_consistent(AppForm(**{**GOOD, **fields}))


def test_loopback_redirects_may_be_plain_http() -> None:
    assert AppForm(**{**GOOD, "redirect_uris": ["http://localhost:3000/cb", "http://127.0.0.1/cb"]})


@pytest.mark.parametrize(
    ("tenants", "serves"),
    [("all", [True, True]), (["tnt_a"], [True, False]), ([], [False, False]), (["tnt_a", "tnt_b"], [True, True])],
)
def test_whom_an_app_serves(broker: Broker, tenants: Any, serves: list[bool]) -> None:
    app_id, _ = create(broker, tenants=tenants)
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        app = unit[Apps].get(app_id)
        assert app is not None
        assert [app.serves(TenantId(name)) for name in ("tnt_a", "tnt_b")] == serves


def test_an_update_changes_what_was_given(broker: Broker) -> None:
    app_id, _ = create(broker, tenants=["tnt_a"])
    form = AppForm(**{**GOOD, "name": "New", "redirect_uris": ["https://other.example.com/cb"]})
    with broker.database.platform(OPERATOR) as unit:
        AppService().update(unit, app_id, form, ["name"])
        AppService().update(unit, app_id, form, ["name"])
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        app = unit[Apps].get(app_id)
        assert app is not None
        assert (app.name, app.redirect_uris, app.tenants) == ("New", GOOD["redirect_uris"], ["tnt_a"])
    told = broker.events(action="app.updated")
    assert [event["changes"] for event in told] == [{"name": {"before": "Demo", "after": "New"}}]


def test_an_app_that_was_removed_is_gone_with_its_secrets(broker: Broker) -> None:
    app_id, secret = create(broker)
    with broker.database.platform(OPERATOR) as unit:
        AppService().delete(unit, app_id)
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        assert unit[Apps].get(app_id) is None
        assert not unit[Apps].secret_matches(app_id, str(secret))
    with pytest.raises(NotFound), broker.database.platform(OPERATOR) as unit:
        AppService().delete(unit, app_id)
    assert broker.actions() == ["app.created", "app.deleted"]
    assert str(secret) not in repr(broker.events())

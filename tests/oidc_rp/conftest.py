"""One installation per test, on SQLite."""

from __future__ import annotations

import pytest

from tests.support.oidc_installation import Installation


@pytest.fixture
def there(tmp_path, clock):
    made = Installation(tmp_path, clock)
    yield made
    made.close()

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.chrome import chromium_running
from tests.browser.deployment import Deployment, deployment
from tests.support.demo import demo

__all__ = ["demo"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Ends with the module: while it lives its thread has a running loop, and no other test could start one."""
    with chromium_running() as browser:
        yield browser


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("deployed")) as made:
        yield made

"""The session's real servers as fixtures, started and seeded when the first test asks for them.

A server that this machine cannot have skips its tests with the reason; where CI is set, that is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import pytest

from gateway.demo.story import story
from tests.servers import real_company as servers
from tests.servers.install import ServerUnavailable
from tests.servers.real_company import RealCompany, SeededMlflow

Server = TypeVar("Server")


@pytest.fixture(scope="session")
def real_company() -> Iterator[RealCompany]:
    with _unless_unavailable(servers.real_company(story())) as company:
        yield company


@pytest.fixture(scope="session")
def mlflow_316() -> Iterator[SeededMlflow]:
    """MLflow 3.16.0 with the studio's registry."""
    with _unless_unavailable(servers.mlflow_without_name_in(story().registries[0])) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_basic() -> Iterator[SeededMlflow]:
    """MLflow behind basic auth, with the studio's registry, to be read as `server.reader`."""
    with _unless_unavailable(servers.mlflow_behind_basic_auth(story().registries[0])) as server:
        yield server


@contextmanager
def _unless_unavailable(starting: AbstractContextManager[Server]) -> Iterator[Server]:
    with ExitStack() as stack:
        reason = ""
        try:
            started = stack.enter_context(starting)
        except ServerUnavailable as error:
            reason = str(error)
        if reason and os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)
        yield started

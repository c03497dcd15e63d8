"""Fixtures every test may use: the demo company behind a gateway, and the real servers."""

from __future__ import annotations

from tests.servers.fixtures import mlflow_316, mlflow_basic, real_company

__all__ = ["mlflow_316", "mlflow_basic", "real_company"]

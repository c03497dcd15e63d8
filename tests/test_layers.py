"""Imports go one way, gateway to resolvers to schema; the contracts are in pyproject.toml, and hold."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.adapters import PRODUCTS

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def test_every_import_goes_the_way_the_contracts_say(tmp_path: Path) -> None:
    """Run apart, because the linter imports what it judges; without its cache, so that only this checkout counts."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = f"{len(CONTRACTS)} kept, 0 broken"
    assert kept in done.stdout


def test_the_layers_are_all_of_the_packages() -> None:
    (layers,) = [contract for contract in CONTRACTS if contract["type"] == "layers"]
    assert layers["layers"] == ["gateway", "resolvers", "schema"]


def test_every_adapter_is_held_apart_from_the_others() -> None:
    (apart,) = [contract for contract in CONTRACTS if contract["type"] == "independence"]
    assert sorted(apart["modules"]) == sorted(place.partition(":")[0] for place in PRODUCTS.values())


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_part_of_an_adapter_knows_a_part_of_another_products(product: str) -> None:
    """The contract names the adapters alone; this holds the files they are made of, too."""
    others = tuple(other for other in PRODUCTS if other != product)
    parts = list((ROOT / "resolvers" / "sources").glob(f"*/{product}*.py"))
    assert parts
    crossed = [
        f"{path.name} imports {name}"
        for path in parts
        for name in _imports(path)
        if name.startswith("resolvers.sources.") and name.rpartition(".")[2].startswith(others)
    ]
    assert crossed == []


def test_the_schema_knows_strawberry_and_the_standard_library_only() -> None:
    imported = {name.partition(".")[0]: path.name for path in (ROOT / "schema").glob("*.py") for name in _imports(path)}
    known = {*sys.stdlib_module_names, "schema", "strawberry", "graphql"}
    assert {name: path for name, path in imported.items() if name not in known} == {}


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names

"""Packages of npm for the tests: installed once into `.cache/` from a folder's manifest and lock, without scripts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.servers.cache import CACHE, key, made_once


def installed(folder: Path) -> Path:
    """A folder whose `node_modules` holds what `package-lock.json` of this folder lists."""
    manifest, lock = folder / "package.json", folder / "package-lock.json"
    target = CACHE.parent / "npm" / f"{folder.name}-{key(manifest.read_bytes(), lock.read_bytes())}"
    with made_once(target) as missing:
        if missing:
            npm = shutil.which("npm")
            assert npm is not None, "node and npm are not on the PATH"
            shutil.copy(manifest, target)
            shutil.copy(lock, target)
            done = subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target, capture_output=True, text=True
            )
            assert done.returncode == 0, f"npm could not install {folder.name}:\n{done.stderr}"
    return target

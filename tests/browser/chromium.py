"""The system's Chromium: found, or as root installed from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Where the browser is; fails with the reason where there is none to be had."""
    found = _found()
    if found is None and os.geteuid() == 0 and (apt := shutil.which("apt-get")):
        for command in (
            [apt, "update"],
            [apt, "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
        ):
            done = subprocess.run([*command, "-qq"], capture_output=True, text=True)
            assert done.returncode == 0, f"chromium cannot be installed: {done.stderr}"
        found = _found()
    assert found is not None, f"none of these is on the PATH, and only root can install it: {', '.join(_NAMES)}"
    return found


def _found() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)

"""`python -m tests.servers install`: all real servers of the live tests, a line each; exits 1 if one cannot be had."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.servers.install import SERVERS, ServerUnavailable


def main(arguments: list[str]) -> int:
    if arguments != ["install"]:
        print("usage: python -m tests.servers install", file=sys.stderr)
        return 2
    # Two at a time: pip and npm wait for the network and for one core by turns.
    with ThreadPoolExecutor(2) as pool:
        return 0 if all([*pool.map(_installed, SERVERS)]) else 1


def _installed(server: str) -> bool:
    started = time.monotonic()
    try:
        SERVERS[server]()
    except ServerUnavailable as error:
        print(error, flush=True)
        return False
    print(f"{server} is installed ({time.monotonic() - started:.1f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

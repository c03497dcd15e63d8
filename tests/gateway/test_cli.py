"""The command line: what it prints, what it refuses, and how it stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from gateway.__main__ import EXAMPLE, main
from schema.build import build_schema, client_sdl

ROOT = Path(__file__).parents[2]
SETTINGS = """
[server]
port = {port}
drain_s = {drain_s}
[[sources]]
name = "studio"
product = "mlflow"
url = "http://127.0.0.1:1"
"""


def test_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == build_schema().as_str() + "\n"


def test_prints_the_schema_for_clients(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--client"]) == 0
    assert capsys.readouterr().out == client_sdl(build_schema()) + "\n"


def test_prints_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example-config"]) == 0
    assert capsys.readouterr().out == EXAMPLE.read_text("utf-8")


@pytest.mark.parametrize("command", ["serve", "check"])
def test_bad_settings_are_one_message_and_nothing_is_served(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(SETTINGS.format(port=0, drain_s=0) + 'colour = "red"\n[colours]\n', "utf-8")
    assert main([command, "--config", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        f"{file} has 2 mistakes:",
        "  colours: is not known here",
        "  sources[0].colour: is not known here",
    ]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["serve"], ["serve", "--port", "1"], ["demo", "--port", "x"]])
def test_bad_arguments_are_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m gateway" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(SETTINGS.format(port=port, drain_s=0), "utf-8")
        assert main(["serve", "--config", str(file)]) == 1
    assert capsys.readouterr().err == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_the_demo_says_that_its_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--port", str(port)]) == 1
    assert capsys.readouterr().err.endswith(f"cannot listen on 127.0.0.1:{port}: Address already in use\n")


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


@pytest.fixture
def gateway(settings_file: Path) -> Iterator[subprocess.Popen[str]]:
    settings_file.write_text(SETTINGS.format(port=0, drain_s=30), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--config", str(settings_file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_serves_on_loopback_and_drains_before_it_stops(gateway: subprocess.Popen[str]) -> None:
    """The first signal turns readiness off while requests are still answered; the second ends it, with code 0."""
    assert gateway.stdout is not None
    line = gateway.stdout.readline()
    found = re.fullmatch(r"Model Lifecycle Graph: http://127\.0\.0\.1:(\d+)/graphql\n", line)
    assert found, line
    connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=20)

    def ask(path: str) -> HTTPResponse:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response

    ready = ask("/readyz")
    assert ready.status == 200
    assert ready.getheader("server") is None
    gateway.send_signal(signal.SIGTERM)
    while ask("/readyz").status == 200:
        pass
    assert ask("/graphql?query=%7B__typename%7D").status == 200
    gateway.send_signal(signal.SIGTERM)
    _, log = gateway.communicate(timeout=20)
    connection.close()
    assert gateway.returncode == 0
    assert log == ""

"""Real servers in real processes, and the protocol spoken by hand where the client would hide something."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp import StdioServerParameters

COMMAND = [sys.executable, "-m", "scrubjay_server"]


def environment(folder: Path, user: str = "ana", **more: str) -> dict[str, str]:
    ours = {"SCRUBJAY_DATA_DIR": str(folder), "SCRUBJAY_USER_ID": user}
    return {**{k: v for k, v in os.environ.items() if not k.startswith("SCRUBJAY_")}, **ours, **more}


def parameters(folder: Path, user: str = "ana", **more: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "serve"], env=environment(folder, user, **more)
    )


class RawServer:
    """A server whose lines we read and write ourselves, in the handshake era."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._number = 0

    def request_nowait(self, method: str, **params: Any) -> None:
        self._number += 1
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        self.request_nowait(method, **params)
        while True:
            line = self._stdout().readline()
            assert line, "the server has closed its output"
            self.lines.append(line)
            message = json.loads(line)
            if message.get("id") == self._number:
                return dict(message)

    def shake_hands(self) -> dict[str, Any]:
        client = {"name": "raw", "version": "0"}
        answer = self.request("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.request("tools/call", name=tool, arguments=arguments)["result"]
        assert not result.get("isError"), result
        return dict(result["structuredContent"])

    def mapped_files(self) -> str:
        """Return what the process has loaded, as the kernel tells it."""
        return Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8")

    def hang_up(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.lines += self._stdout().readlines()
        return self.process.wait(timeout=20)

    def _write(self, message: dict[str, Any]) -> None:
        self.write_line(json.dumps(message))

    def write_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self._stdout().readline()))

    def _stdout(self) -> Any:
        assert self.process.stdout is not None
        return self.process.stdout


@contextmanager
def raw_server(folder: Path, *, arguments: tuple[str, ...] = ("serve",), **more: str) -> Iterator[RawServer]:
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=environment(folder, **more),
    ) as process:
        try:
            yield RawServer(process)
        finally:
            process.kill()

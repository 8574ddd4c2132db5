import subprocess
import sys
import tomllib
from pathlib import Path

import scrubjay
from scrubjay import errors

ROOT = Path(__file__).parents[2]


def test_all_is_what_others_may_rely_on() -> None:
    assert scrubjay.__all__ == [
        "ConfigurationError",
        "EmbeddingError",
        "EmbeddingMismatch",
        "InvalidInput",
        "Memory",
        "MemoryNotFound",
        "MemoryRecord",
        "ModelUnavailable",
        "NotAllowed",
        "OwnerRequired",
        "Scope",
        "ScrubjayError",
        "StoreBusy",
        "StoreError",
    ]
    assert all(hasattr(scrubjay, name) for name in scrubjay.__all__)


def test_every_error_stands_in_the_tree_of_its_module() -> None:
    defined = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert defined == {name for name in defined if name in (errors.__doc__ or "")}
    assert all(issubclass(getattr(errors, name), errors.ScrubjayError) for name in defined)


def test_importing_the_library_loads_no_heavy_vendor() -> None:
    heavy = ["lancedb", "pyarrow", "numpy", "fastembed", "onnxruntime", "tokenizers", "anthropic"]
    program = f"import sys, scrubjay, scrubjay_server.stdio; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_told_in_one_place_and_the_changelog_knows_it() -> None:
    settings = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert f"## [{scrubjay.__version__}]" in ROOT.joinpath("CHANGELOG.md").read_text(encoding="utf-8")


def test_the_lock_pins_versions_and_names_no_host() -> None:
    lines = ROOT.joinpath("requirements.lock").read_text(encoding="utf-8").splitlines()
    assert lines
    assert all(line.count("==") == 1 and "/" not in line and " " not in line for line in lines)

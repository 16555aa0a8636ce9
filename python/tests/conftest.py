"""Where things lie in the repository, and a Python of its own for code that wants one."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from servers import Api, Swift, start

# Hypothesis keeps tables of characters, and not where the tests happen to be run.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{tempfile.gettempdir()}/hypothesis")

REPOSITORY = Path(__file__).parents[2]

# What is in there has an environment of its own.
collect_ignore = [] if importlib.util.find_spec("pyspark") else ["spark"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def logs() -> Path:
    """The sample logs, of every shape."""
    return REPOSITORY / "examples" / "logs"


@pytest.fixture(scope="session")
def crate_data() -> Path:
    """What the catalog is made from."""
    return REPOSITORY / "crates" / "nhn-cloudtrail" / "data"


@pytest.fixture
def run_python(tmp_path: Path) -> Run:
    """Runs code in a Python of its own, in an empty folder."""
    home = tmp_path / "run"
    home.mkdir()

    def run(code: str, *arguments: object, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=30, cwd=home
        )

    return run


@pytest.fixture(scope="session")
def large_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 16 MiB, to be read again and again where reading is to take its time."""
    path = tmp_path_factory.mktemp("large") / "log.jsonl"
    line = b'{"eventId":"event_id.iaas.vpc.delete","request":"%s"}\n' % (b"x" * 971)
    path.write_bytes(line * ((16 << 20) // len(line)))
    return path


@pytest.fixture
def api() -> Iterator[Callable[..., Api]]:
    """Starts servers of the query API, which end with the test."""
    with ExitStack() as servers:

        def begin(*options: object) -> Api:
            script = REPOSITORY / "tests" / "servers" / "cloudtrail_api.py"
            return Api(servers.enter_context(start(sys.executable, script, *options)))

        yield begin


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """Object Storage."""
    python = os.environ.get("SWIFT_PYTHON")
    if not python:
        message = (
            "SWIFT_PYTHON is not set: the path of a Python with tests/servers/requirements.txt"
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    script = REPOSITORY / "tests" / "servers" / "swift_server.py"
    with start(python, script, tmp_path_factory.mktemp("swift"), 0) as url:
        yield Swift(url)

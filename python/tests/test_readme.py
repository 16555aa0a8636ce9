"""What python/README.md shows does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import REPOSITORY


def test_its_code_runs(logs: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "python" / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    os.symlink(logs, tmp_path / "logs")
    code = "\n".join(blocks)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_its_commands_run(logs: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "python" / "README.md").read_text()
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    lines = [line for line in blocks.splitlines() if line.startswith("nhn-cloudtrail")]
    assert lines
    os.symlink(logs, tmp_path / "logs")
    scripts = Path(sys.executable).parent
    for line in lines:
        environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, env=environment)
        assert done.returncode == 0, (line, done.stderr)

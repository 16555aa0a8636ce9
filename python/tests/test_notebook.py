"""The example notebook runs from end to end, and is kept without what a run leaves in it."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
for needed in ("ipykernel", "matplotlib", "pandas", "pyarrow", "duckdb"):
    pytest.importorskip(needed)

EXAMPLES = REPOSITORY / "examples"
NOTEBOOK = EXAMPLES / "notebook.ipynb"

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"

Outputs = dict[str, list[Any]]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The kernel is that of this Python, and has no settings of the one who runs the tests."""
    home = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(home))
        patch.setenv("MPLCONFIGDIR", str(home))
        # Wherever plots go otherwise, here they go into the notebook.
        patch.delenv("MPLBACKEND", raising=False)
        yield


def execute(folder: Path) -> Outputs:
    """Runs the notebook in a folder that has `logs/`: the outputs of each cell by the cell's id."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources
    ).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module")
def outputs(quiet: None) -> Outputs:
    """What the cells show of the sample logs."""
    before = files(EXAMPLES)
    shown = execute(EXAMPLES)
    assert files(EXAMPLES) == before, "the notebook leaves files behind"
    return shown


@pytest.fixture(scope="module")
def hostile_outputs(quiet: None, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What the cells show of logs with a record that is both the riskiest and hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(EXAMPLES / "logs", folder / "logs")
    record = {
        "eventTime": "2026-11-01T00:00:00.000+0000",
        "eventId": "event_id.iaas.security_group.delete",
        "userId": HOSTILE,
        "userName": HOSTILE,
        "userIp": HOSTILE,
        "projectName": HOSTILE,
        "request": json.dumps({"name": HOSTILE}),
        "response": json.dumps({"header": {"isSuccessful": False, "resultMessage": HOSTILE}}),
        HOSTILE: HOSTILE,
    }
    # The first file in the order of names, so that the first rows show it too.
    (folder / "logs" / "0.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    return execute(folder)


def files(folder: Path) -> list[str]:
    return sorted(os.fspath(path) for path in folder.rglob("*"))


def shown(outputs: Outputs, cell: str, kind: str) -> str:
    """The one output of a cell that is of a MIME type."""
    [data] = [output.data[kind] for output in outputs[cell] if kind in output.get("data", {})]
    return data


def test_is_stored_without_outputs() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)

    nbformat.validate(notebook)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}, cell["id"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], cell["id"]
            assert cell["execution_count"] is None, cell["id"]
    # As Jupyter writes it, so that saving it changes no line.
    assert text == nbformat.writes(nbformat.reads(text, as_version=4)) + "\n"


def test_runs_without_a_warning(outputs: Outputs) -> None:
    warnings = [
        output.text
        for cell in outputs.values()
        for output in cell
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert warnings == []


def test_reads_the_sample_logs(outputs: Outputs) -> None:
    assert "'events': 2588" in shown(outputs, "read", "text/plain")
    assert "<table" in shown(outputs, "first-rows", "text/html")
    assert "event_id.moon_base.airlock.open" in shown(outputs, "unknown", "text/html")
    assert "TRUNCATED" in shown(outputs, "damaged", "text/plain")
    assert "event_id.iaas.security_group.delete" in shown(outputs, "catalog-search", "text/html")
    assert "kim.cheolsu@example.com" in shown(outputs, "sql", "text/html")
    assert "2,587 rows" in shown(outputs, "parquet", "text/html")


def test_plots_activity(outputs: Outputs) -> None:
    assert len(shown(outputs, "heat-map", "image/png")) > 10_000


def test_lists_risky_changes(outputs: Outputs) -> None:
    html = shown(outputs, "risky", "text/html")
    assert html.count("<tr") > 10
    assert "Delete DB Security Group" in html
    assert "security group, delete, failed" in html
    # Who, from where, and when, which is in Seoul.
    assert "park.jimin@example.com" in html
    assert "10.11.214.117" in html
    assert "2026-10-29 11:48:00.588" in html


def test_shows_an_event(outputs: Outputs) -> None:
    html = shown(outputs, "event", "text/html")
    assert "<table>" in html
    assert "event_id.skm.keystore.delete" in html
    assert "<script" not in html.lower()
    assert "'requestId'" in shown(outputs, "request", "text/plain")


def test_what_a_log_says_is_shown_and_never_run(hostile_outputs: Outputs) -> None:
    assert "&lt;script&gt;" in shown(hostile_outputs, "event", "text/html")
    assert "&lt;script&gt;" in shown(hostile_outputs, "first-rows", "text/html")
    assert "&lt;script&gt;" in shown(hostile_outputs, "risky", "text/html")
    pages = [
        output.data["text/html"].lower()
        for cell in hostile_outputs.values()
        for output in cell
        if "text/html" in output.get("data", {})
    ]
    assert len(pages) > 5
    assert not [page for page in pages if "<script" in page]
    assert not [page for page in pages if "<img" in page]

"""The golden cases of tests/cases, in every way that Python has of reading them."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

import nhn_cloudtrail as ct

FOLDERS = sorted(path for path in (REPOSITORY / "tests" / "cases").glob("*") if path.is_dir())


@dataclass
class Case:
    """A folder of tests/cases; tests/README.md says what stands in it."""

    folder: Path

    @property
    def input(self) -> Path:
        [path] = (path for path in self.folder.iterdir() if path.name.split(".")[0] == "input")
        return path

    @property
    def given(self) -> dict[str, Any]:
        path = self.folder / "options.json"
        return json.loads(path.read_bytes()) if path.exists() else {}

    @property
    def options(self) -> dict[str, Any]:
        """What every function takes of the case's options."""
        rest = {key: self.given[key] for key in self.given.keys() - {"columns", "filter"}}
        return {"on_error": "collect", **rest, **self.given.get("filter", {})}

    @property
    def columns(self) -> list[str] | None:
        return self.given.get("columns")

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_bytes().decode() if path.exists() else ""

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in self.text(name).split("\n") if line]

    def place(self, position: ct.Position) -> dict[str, object]:
        place: dict[str, object] = {
            "record": position.record,
            "line": position.line,
            "byte": position.byte,
        }
        return place | self.source(position.source)

    def source(self, source: str | None) -> dict[str, object]:
        if self.input.is_file():
            return {}
        assert source is not None
        return {"source": str(Path(source).relative_to(self.folder))}


def detail(case: Case, event: ct.Event) -> dict[str, object]:
    names = {lang: event.name(lang) for lang in ("ko", "en", "ja")}
    return {
        "position": case.place(event.position),
        "key": event.key,
        "problems": event.problems,
        "name": names if event.known else None,
    }


def rejected(case: Case, reject: ct.Reject) -> dict[str, object]:
    row = case.place(reject.position) | {"code": reject.code}
    try:
        row["raw"] = reject.raw.decode()
    except UnicodeDecodeError:
        row["raw_base64"] = base64.b64encode(reject.raw).decode()
    if reject.length != len(reject.raw):
        row["length"] = reject.length
    return row


def check(case: Case, reader: ct.Reader) -> None:
    """Reads, and compares with all that the case expects."""
    events = list(reader)
    lang = case.given.get("lang", "ko")
    flat = [event.to_json(columns=case.columns, lang=lang) + "\n" for event in events]
    assert "".join(flat) == case.text("events.jsonl")
    assert [detail(case, event) for event in events] == case.lines("details.jsonl")
    assert [rejected(case, reject) for reject in reader.rejects] == case.lines("rejects.jsonl")
    assert reader.stats._asdict() == json.loads(case.text("counts.json"))
    expected = case.lines("error.json")
    assert [{"code": error.code} | case.source(error.source) for error in reader.errors] == [
        {key: row[key] for key in row if key != "contains"} for row in expected
    ]
    for error, row in zip(reader.errors, expected, strict=True):
        for words in row.get("contains", []):
            assert words in str(error)


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def by_name(path: Path) -> str:
    return path.name


FILES = [folder for folder in FOLDERS if Case(folder).input.is_file()]
every_case = pytest.mark.parametrize("folder", FOLDERS, ids=by_name)
every_file = pytest.mark.parametrize("folder", FILES, ids=by_name)


def test_there_are_cases() -> None:
    assert FOLDERS
    assert FILES


@every_case
def test_read(folder: Path) -> None:
    case = Case(folder)
    check(case, ct.read(case.input, **case.options))


@every_file
def test_read_bytes(folder: Path) -> None:
    case = Case(folder)
    check(case, ct.read(case.input.read_bytes(), **case.options))


@every_file
def test_read_file_object(folder: Path) -> None:
    case = Case(folder)
    with case.input.open("rb") as file:
        check(case, ct.read(file, **case.options))


@every_file
def test_read_chunks(folder: Path) -> None:
    case = Case(folder)
    check(case, ct.read(chunks(case.input.read_bytes(), 7), **case.options))


@every_case
def test_read_table(folder: Path) -> None:
    case = Case(folder)
    reader = ct.read(case.input, **case.options)
    events = list(reader)
    table = ct.read_table(case.input, columns=case.columns, **case.options)
    assert len(table) == len(events)
    assert table.stats == reader.stats
    assert table.rejects == reader.rejects
    assert [(error.code, error.source) for error in table.errors] == [
        (error.code, error.source) for error in reader.errors
    ]


@every_case
def test_rows_of_tables_are_the_flat_form(folder: Path) -> None:
    case = Case(folder)
    events = list(ct.read(case.input, **case.options))
    table = ct.read_table(case.input, columns=case.columns, **case.options).to_pyarrow()
    rows = table.to_pylist()
    for row, event in zip(rows, events, strict=True):
        flat = event.to_dict(columns=case.columns)
        if row.get("extra") is not None:
            row["extra"] = json.loads(row["extra"])
            flat["extra"] = json.loads(event.to_json(columns=["extra"]))["extra"]
        assert row == flat


@every_file
def test_table_of_file_object(folder: Path) -> None:
    case = Case(folder)
    table = ct.read_table(io.BytesIO(case.input.read_bytes()), **case.options)
    assert table.stats._asdict() == json.loads(case.text("counts.json"))
    assert [rejected(case, reject) for reject in table.rejects] == case.lines("rejects.jsonl")

"""What goes wrong: its class, its place, and how to go on."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nhn_cloudtrail as ct
from nhn_cloudtrail import _errors, _native

LOG = b'{"eventId":"a"}\n{"eventId":broken}\n{"eventId":"c"}\n'

FUNCTIONS = [ct.read, ct.read_table, ct.scan_table]
every_function = pytest.mark.parametrize("function", FUNCTIONS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    return path


def test_every_code_has_a_class_and_no_other() -> None:
    assert sorted(_errors.CLASSES) == sorted(_native.ERROR_CODES)
    assert len(set(_native.ERROR_CODES)) == len(_native.ERROR_CODES)


def test_every_class_is_public_and_says_its_codes() -> None:
    for code, cls in _errors.CLASSES.items():
        assert getattr(ct, cls.__name__) is cls
        assert issubclass(cls, ct.CloudTrailError)
        assert cls.__doc__
        if cls is not ct.RecordError:
            assert code in cls.__doc__


def test_classes_are_those_that_python_has_for_it() -> None:
    assert issubclass(ct.SourceNotFoundError, FileNotFoundError)
    assert issubclass(ct.ReadError, OSError)
    assert issubclass(ct.RecordError, ValueError)
    assert issubclass(ct.ArgumentError, ValueError)
    assert issubclass(ct.CatalogError, ValueError)
    assert not issubclass(ct.InternalError, ValueError)


@every_function
def test_record_that_cannot_be_read(function: Callable[..., Any], path: Path) -> None:
    with pytest.raises(ct.RecordError) as caught:
        list(function(path))
    error = caught.value
    assert error.code == "INVALID_JSON"
    assert (error.source, error.record, error.line, error.byte) == (str(path), 2, 2, 16)
    assert error.field is None
    text = str(error)
    assert text.startswith(f"{path}, line 2 (record 2, byte 16): ")
    assert 'on_error="skip"' in text
    assert 'on_error="collect"' in text


def test_record_that_cannot_be_parsed() -> None:
    with pytest.raises(ct.RecordError, match=r"input, line 2 \(record 2, byte 16\)") as caught:
        ct.parse(LOG)
    assert 'on_error="skip"' in str(caught.value)
    assert (caught.value.source, caught.value.record) == (None, 2)


def test_message_of_parse_offers_what_parse_has() -> None:
    with pytest.raises(ct.RecordError) as caught:
        ct.parse(LOG)
    assert 'on_error="collect"' not in str(caught.value)


@every_function
def test_source_that_is_no_log(function: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(ct.SourceError, match="HTML") as caught:
        list(function(path))
    error = caught.value
    assert (error.code, error.source) == ("NOT_A_LOG", str(path))
    assert (error.record, error.byte, error.field) == (None, None, None)
    assert 'on_error="skip"' in str(error)


def test_answer_of_the_api_that_failed() -> None:
    answer = (
        b'{"header":{"isSuccessful":false,"resultCode":-40401,"resultMessage":"Invalid appkey"}}'
    )
    with pytest.raises(ct.SourceError, match=r"-40401.*Invalid appkey") as caught:
        ct.parse(answer)
    assert caught.value.code == "API_FAILURE"


def test_folder_that_there_is_not(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "x.parquet"
    with pytest.raises(ct.ReadError) as caught:
        ct.write_parquet(b"{}", target)
    assert (caught.value.code, caught.value.source) == ("IO", str(target))


@every_function
def test_skip(function: Callable[..., Any], path: Path) -> None:
    got = function(path, on_error="skip")
    for _ in got if function is not ct.read_table else ():
        pass
    assert got.stats == ct.Stats(3, 2, 1, 0, 0, 0)
    assert got.rejects == []
    assert got.errors == []


@every_function
def test_collect(function: Callable[..., Any], path: Path) -> None:
    got = function(path, on_error="collect")
    for _ in got if function is not ct.read_table else ():
        pass
    assert got.stats == ct.Stats(3, 2, 1, 0, 0, 0)
    [reject] = got.rejects
    assert reject.position == ct.Position(str(path), 2, 2, 16)
    assert reject.code == "INVALID_JSON"
    assert reject.message
    assert (reject.raw, reject.length) == (b'{"eventId":broken}', 18)


@every_function
@pytest.mark.parametrize("on_error", ["skip", "collect"])
def test_whole_sources_that_cannot_be_read_are_kept(
    function: Callable[..., Any], on_error: str, path: Path
) -> None:
    page = path.with_name("a.html")
    page.write_text("<html>")
    got = function([page, path], on_error=on_error)
    for _ in got if function is not ct.read_table else ():
        pass
    assert got.stats.events == 2
    [error] = got.errors
    assert isinstance(error, ct.SourceError)
    assert (error.code, error.source) == ("NOT_A_LOG", str(page))


@every_function
def test_kept_errors_do_not_say_how_to_go_on(function: Callable[..., Any], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>")
    got = function(page, on_error="collect")
    for _ in got if function is not ct.read_table else ():
        pass
    [error] = got.errors
    assert "on_error" not in str(error)


def test_parse_skips() -> None:
    assert [event.event_id for event in ct.parse(LOG, on_error="skip")] == ["a", "c"]


def test_parse_that_skips_does_not_say_to_skip() -> None:
    with pytest.raises(ct.SourceError) as caught:
        ct.parse(b"no log", on_error="skip")
    assert "on_error" not in str(caught.value)


def test_parse_has_nowhere_to_collect() -> None:
    with pytest.raises(ct.ArgumentError, match="use read") as caught:
        ct.parse(LOG, on_error="collect")  # type: ignore[arg-type]
    assert caught.value.code == "INVALID_OPTION"


def test_reading_goes_on_after_it_raised(path: Path) -> None:
    reader = ct.read(path)
    assert next(reader).event_id == "a"
    with pytest.raises(ct.RecordError):
        next(reader)
    assert [event.event_id for event in reader] == ["c"]
    assert reader.stats == ct.Stats(3, 2, 1, 0, 0, 0)


def test_record_beyond_the_limit() -> None:
    with pytest.raises(ct.RecordError) as caught:
        ct.parse(b'{"eventId":"abcdefghijklmnopqrstuvwxyz"}', limits={"record_bytes": 20})
    assert caught.value.code == "RECORD_TOO_LARGE"
    with pytest.raises(ct.RecordError) as caught:
        ct.parse(b'{"a":{"b":{"c":1}}}', limits={"depth": 2})
    assert caught.value.code == "RECORD_TOO_DEEP"


ERROR = ct.SourceNotFoundError(
    "gone", code="NOT_FOUND", source="a.jsonl", record=3, line=4, byte=5, field="request"
)


def same(one: ct.CloudTrailError, other: ct.CloudTrailError) -> bool:
    return type(one) is type(other) and str(one) == str(other) and vars(one) == vars(other)


def test_attributes_of_errors() -> None:
    assert str(ERROR) == "gone"
    assert (ERROR.code, ERROR.source, ERROR.field) == ("NOT_FOUND", "a.jsonl", "request")
    assert (ERROR.record, ERROR.line, ERROR.byte) == (3, 4, 5)
    assert "gone" in repr(ERROR)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_can_be_pickled(protocol: int) -> None:
    assert same(pickle.loads(pickle.dumps(ERROR, protocol)), ERROR)


def test_errors_that_were_raised_can_be_pickled_and_copied(path: Path) -> None:
    errors = []
    for make in (
        lambda: list(ct.read(path)),
        lambda: ct.read("nowhere.jsonl"),
        lambda: ct.read(path, ip="x"),
        lambda: ct.parse(b"no log"),
        lambda: ct.catalog.with_overlay("nothing"),
        _native._panic,
    ):
        with pytest.raises(ct.CloudTrailError) as caught:
            make()
        errors.append(caught.value)
    assert len({type(error) for error in errors}) == len(errors)
    for error in errors:
        assert same(pickle.loads(pickle.dumps(error)), error)
        assert same(copy.copy(error), error)


def test_panic_is_an_error_like_any_other() -> None:
    with pytest.raises(ct.InternalError, match="please report it: on purpose") as caught:
        _native._panic()
    assert caught.value.code == "PANIC"
    assert isinstance(caught.value, Exception)


@every_function
def test_misspelt_option(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r'"srevice".* service'):
        function(b"{}", srevice="iam")


def test_misspelt_option_of_parse_and_write(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match='"srevice"'):
        ct.parse(b"{}", srevice="iam")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match='"srevice"'):
        ct.write_parquet(b"{}", tmp_path / "x.parquet", srevice="iam")  # type: ignore[call-arg]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ({"kind": "deletion"}, "INVALID_FILTER"),
        ({"kind": ["delete", "deletion"]}, "INVALID_FILTER"),
        ({"phase": "done"}, "INVALID_FILTER"),
        ({"outcome": "failed"}, "INVALID_FILTER"),
        ({"service": "no-such-service"}, "INVALID_FILTER"),
        ({"ip": "10.0.0.0/33"}, "INVALID_FILTER"),
        ({"ip": "localhost"}, "INVALID_FILTER"),
        ({"event": ""}, "INVALID_FILTER"),
        ({"region": ""}, "INVALID_FILTER"),
        ({"since": "yesterday"}, "INVALID_TIME"),
        ({"until": "2026-13-01"}, "INVALID_TIME"),
        ({"since": "2026-10-31", "tz": "Mars/Olympus"}, "INVALID_OPTION"),
        ({"lang": "kr"}, "INVALID_OPTION"),
        ({"on_error": "ignore"}, "INVALID_OPTION"),
        ({"limits": {"depth": 0}}, "INVALID_OPTION"),
        ({"limits": {"bytes": 1}}, "INVALID_OPTION"),
    ],
)
def test_options_that_make_no_sense(option: dict[str, Any], code: str) -> None:
    for function in (*FUNCTIONS, ct.parse):
        with pytest.raises(ct.ArgumentError) as caught:
            function(b"{}", **option)
        assert caught.value.code == code
        assert any(name.rstrip("s") in str(caught.value) for name in option)


@pytest.mark.parametrize("name", ["kind", "event", "since"])
def test_filter_that_asks_for_nothing(name: str) -> None:
    for nothing in ((), []) if name != "since" else ("",):
        with pytest.raises(ct.ArgumentError, match=name):
            ct.read(b"{}", **{name: nothing})


def test_zone_that_there_is_not_even_without_a_time() -> None:
    with pytest.raises(ct.ArgumentError):
        ct.read(b"{}", tz="Mars/Olympus")


@pytest.mark.parametrize("option", [{"threads": -1}, {"limits": {"depth": -1}}])
def test_numbers_below_zero(option: dict[str, Any]) -> None:
    with pytest.raises(ct.ArgumentError, match=r"threads|depth"):
        ct.read_table(b"{}", **option)


@pytest.mark.parametrize("columns", [["regoin"], "regoin", ["region", "region"]])
def test_columns_that_there_are_not(columns: Any) -> None:
    for function in (ct.read_table, ct.scan_table):
        with pytest.raises(ct.ArgumentError, match="column") as caught:
            function(b"{}", columns=columns)
        assert caught.value.code == "INVALID_OPTION"


@pytest.mark.parametrize(
    "option",
    [
        {"kind": 1},
        {"event": [None]},
        {"user": [b"kim"]},
        {"since": 20261031},
        {"known": "yes"},
        {"dedup": "no"},
        {"catalog": {}},
        {"progress": 1},
        {"limits": 100},
        {"lang": 1},
        {"on_error": True},
    ],
)
def test_options_of_another_type(option: dict[str, Any]) -> None:
    for function in FUNCTIONS:
        with pytest.raises(TypeError):
            function(b"{}", **option)


@pytest.mark.parametrize(
    "option", [{"columns": [None]}, {"columns": 5}, {"threads": "2"}, {"verify": 1}]
)
def test_options_of_tables_of_another_type(option: dict[str, Any]) -> None:
    for function in (ct.read_table, ct.scan_table):
        with pytest.raises(TypeError):
            function(b"{}", **option)


def test_options_are_named() -> None:
    with pytest.raises(TypeError):
        ct.read(b"{}", "skip")  # type: ignore[misc]


def test_options_of_data_sets(tmp_path: Path) -> None:
    for option in ({"columns": ["region"]}, {"dedup": False}):
        with pytest.raises(ct.ArgumentError, match="data set") as caught:
            ct.write_parquet(b"{}", tmp_path / "set", **option)  # type: ignore[arg-type]
        assert caught.value.code == "INVALID_OPTION"
    assert list(tmp_path.iterdir()) == []

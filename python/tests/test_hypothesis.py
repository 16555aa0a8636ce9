"""Whatever is written comes back, and whatever is read adds up."""

import contextlib
import gzip
import io
import json
import pickle
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

import nhn_cloudtrail as ct

settings.register_profile("suite", database=None, deadline=None, max_examples=100)
settings.load_profile("suite")

TEXTS = {
    "eventId": "event_id",
    "eventSourceType": "event_source_type",
    "userId": "user_id",
    "userName": "user_name",
    "userIdNo": "user_id_no",
    "userAgent": "user_agent",
    "region": "region",
    "orgId": "org_id",
    "projectId": "project_id",
    "projectName": "project_name",
    "productId": "product_id",
    "appKey": "app_key",
    "tenantId": "tenant_id",
    "eventLogUuid": "event_log_uuid",
    "request": "request",
    "response": "response",
}
OTHERS = ["eventTime", "userIp", "eventTarget"]
TIMES = ["2026-10-31T09:00:00.000+0000", "2026-10-31T09:00:00Z", "2026-02-30T00:00:00Z", ""]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
targets = st.fixed_dictionaries(
    {},
    optional={
        "targetMembers": st.lists(
            st.dictionaries(st.sampled_from(["idNo", "name", "userCode", "emailAddress"]), values)
        )
    },
)
# A field that makes every object a record.
UUID = "eventLogUuid"
records = st.fixed_dictionaries(
    {UUID: st.text() | values},
    optional={
        **dict.fromkeys(TEXTS.keys() - {UUID}, st.text() | values),
        "eventId": st.sampled_from(ct.catalog.keys()) | st.text(),
        "eventTime": st.sampled_from(TIMES) | values,
        "userIp": st.ip_addresses().map(str) | values,
        "eventTarget": targets | values,
        "response": st.builds(json.dumps, st.fixed_dictionaries({"header": values})) | values,
    },
)
extras = st.dictionaries(
    st.text().filter(lambda key: key not in {*TEXTS, *OTHERS, "UserId"}), values
)
whole = st.builds(lambda record, extra: record | extra, records, extras).filter(
    lambda record: not record.keys() & {"header", "page", "body"}
)
spacings = st.tuples(st.sampled_from([",", ", ", " , "]), st.sampled_from([":", ": ", " : "]))


@st.composite
def written(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[str]]:
    """Some records, and how somebody wrote them, each on one line."""
    given = draw(st.lists(whole, min_size=1, max_size=5))
    ascii_only, separators = draw(st.booleans()), draw(spacings)
    return given, [json.dumps(one, ensure_ascii=ascii_only, separators=separators) for one in given]


def raws(source: bytes) -> list[bytes]:
    return [event.raw for event in ct.parse(source)]


SHAPES: list[Callable[[list[str]], str]] = [
    "\n".join,
    "\r\n".join,
    lambda lines: "".join(f"  {line} \n\n" for line in lines),
    lambda lines: f"[{','.join(lines)}]",
    lambda lines: "[\n" + ",\n  ".join(lines) + "\n]\n",
    lambda lines: f'{{"header":{{"isSuccessful":true}},"page":{{"content":[{",".join(lines)}]}}}}',
    lambda lines: f'{{\n"page": {{"content": [{", ".join(lines)}]}},\n"header": {{}}\n}}',
]


@given(written(), st.sampled_from(SHAPES), st.sampled_from([bytes, gzip.compress]))
def test_raw_is_what_was_written(
    made: tuple[list[dict[str, Any]], list[str]],
    shape: Callable[[list[str]], str],
    pack: Callable[[bytes], bytes],
) -> None:
    _, lines = made
    log = shape(lines).encode()
    expected = [line.encode() for line in lines]
    assert raws(pack(log)) == expected
    assert [event.raw for event in ct.read(io.BytesIO(pack(log)))] == expected
    assert [
        event.raw for event in ct.read(log[at : at + 5] for at in range(0, len(log), 5))
    ] == expected
    for event in ct.parse(log):
        at = event.position.byte
        assert log[at : at + len(event.raw)] == event.raw
        assert event.position.line == log[:at].count(b"\n") + 1


@given(st.lists(whole, min_size=1, max_size=4), st.sampled_from([1, 4, "\t"]), spacings)
def test_raw_over_several_lines(
    given: list[dict[str, Any]], indent: int | str, separators: tuple[str, str]
) -> None:
    texts = [json.dumps(one, indent=indent, separators=separators) for one in given]
    expected = [text.encode() for text in texts]
    assert raws(("[\n" + ",\n".join(texts) + "\n]").encode()) == expected
    several = [text for text in texts if "\n" in text]
    assert raws("\n".join(several).encode()) == [text.encode() for text in several]


@given(whole)
def test_fields_are_what_was_written(record: dict[str, Any]) -> None:
    [event] = ct.parse(json.dumps(record))
    for wire, name in TEXTS.items():
        value, read = record.get(wire), getattr(event, name)
        if value is None or isinstance(value, str):
            assert read == value
        else:
            assert json.loads(read) == value
            assert name in event.problems
    assert event.extra == {key: record[key] for key in record.keys() - {*TEXTS, *OTHERS}}


def exactly(text: str) -> float | Decimal:
    return float(text) if Decimal(repr(float(text))) == Decimal(text) else Decimal(text)


def flat(event: ct.Event, **options: Any) -> dict[str, Any]:
    row = event.to_dict(**options)
    if row["event_time"] is not None:
        time = row["event_time"].isoformat(timespec="milliseconds")
        row["event_time"] = time.replace("+00:00", "Z")
    return row


@given(whole, st.sampled_from(["ko", "en", "ja"]))
def test_json_says_what_the_dict_says(record: dict[str, Any], lang: ct.Lang) -> None:
    [event] = ct.parse(json.dumps(record))
    line = event.to_json(lang=lang)
    assert "\n" not in line
    assert json.loads(line, parse_float=exactly) == flat(event, lang=lang)


@given(whole)
def test_table_says_what_the_dict_says(record: dict[str, Any]) -> None:
    text = json.dumps(record).encode()
    [event] = ct.parse(text)
    [row] = ct.read_table(text).to_pyarrow().to_pylist()
    expected = event.to_dict()
    if row["extra"] is not None:
        row["extra"] = json.loads(row["extra"], parse_float=exactly)
    assert row == expected


@given(written(), st.sampled_from(["ko", "en", "ja"]))
def test_pickle(made: tuple[list[dict[str, Any]], list[str]], lang: ct.Lang) -> None:
    for event in ct.parse("\n".join(made[1]), lang=lang):
        again = pickle.loads(pickle.dumps(event))
        assert again == event
        assert hash(again) == hash(event)
        assert again.position == event.position
        assert again.to_json() == event.to_json()
        assert again.problems == event.problems
        assert event.detach() == event


@given(whole)
def test_nothing_of_a_record_reaches_a_terminal_or_a_page_raw(record: dict[str, Any]) -> None:
    [event] = ct.parse(json.dumps(record))
    assert repr(event).isprintable()
    assert event._repr_html_().count("<script") == 0


@given(whole)
def test_records_survive_parquet(tmp_path_factory: Any, record: dict[str, Any]) -> None:
    folder: Path = tmp_path_factory.mktemp("parquet")
    text = json.dumps(record).encode()
    ct.write_parquet(text, folder / "x.parquet", keep_raw=True)
    assert [event.raw for event in ct.read(folder / "x.parquet")] == [text]


SEEDS = [
    b'{"eventId":"a","userName":"\xea\xb9\x80"}\n{"eventId":"b"}\n',
    b'[{"eventId":"a"},{"eventId":"b"}]',
    b'{"header":{"isSuccessful":true},"page":{"content":[{"eventId":"a"},{"eventId":"b"}]}}',
    b'{\n "eventId": "a"\n}\n{\n "eventId": "b"\n}\n',
    b"\xef\xbb\xbf" + b'{"eventId":"\\ud83d"}\r\n' * 3,
    gzip.compress(b'{"eventId":"a"}\n' * 20, mtime=0),
    b"(\xb5/\xfd\x04Xa\x00\x00" + b'{"eventId":"a"}\n'[:12],
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A log that something happened to."""
    log = bytearray(draw(st.sampled_from(SEEDS)) * draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(log)))
        piece = draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"}", b"[", b"]", b"\n", b","])
        )
        log[at : at + draw(st.integers(0, 3))] = piece
    return bytes(log)


@given(st.binary(max_size=200) | damaged(), st.booleans())
@example(b"", False)
@example(b"\xff\xfe{\x00}\x00", True)
def test_anything_can_be_read_and_adds_up(data: bytes, dedup: bool) -> None:
    reader = ct.read(data, on_error="collect", dedup=dedup)
    events = list(reader)
    stats = reader.stats
    assert stats.records == stats.events + stats.rejects + stats.duplicates
    assert (stats.events, stats.rejects) == (len(events), len(reader.rejects))
    assert all(isinstance(error, ct.SourceError) for error in reader.errors)
    for event in events:
        assert json.loads(event.to_json())["event_id"] == event.event_id
        assert pickle.loads(pickle.dumps(event)) == event
        repr(event), event._repr_html_(), event.extra

    table = ct.read_table(data, on_error="collect", dedup=dedup)
    assert (table.stats, len(table)) == (stats, len(events))
    assert table.rejects == reader.rejects
    assert [error.code for error in table.errors] == [error.code for error in reader.errors]
    in_pieces = ct.read(
        (data[at : at + 3] for at in range(0, len(data), 3)), on_error="collect", dedup=dedup
    )
    assert list(in_pieces) == events
    assert in_pieces.stats == stats
    assert in_pieces.rejects == reader.rejects


@given(st.binary(max_size=200) | damaged())
def test_parse_raises_nothing_else(data: bytes) -> None:
    try:
        events = ct.parse(data)
    except (ct.RecordError, ct.SourceError):
        reader = ct.read(data, on_error="collect")
        for _ in reader:
            pass
        assert reader.rejects or reader.errors
    else:
        assert events == list(ct.read(data))


@given(st.text(), st.sampled_from(["event", "service", "kind", "user", "ip", "since", "until"]))
def test_texts_as_options(text: str, option: str) -> None:
    said = ""
    try:
        ct.parse(b'{"eventTime":"2026-10-31T09:00:00Z"}', **{option: text})  # type: ignore[arg-type]
    except ct.ArgumentError as error:
        said = str(error)
    assert "Cc" not in map(unicodedata.category, said)


@given(st.text())
def test_texts_in_the_catalog(text: str) -> None:
    assert (ct.catalog.get(text) is None) == (text not in ct.catalog)
    for entry in [*ct.catalog.search(text), *ct.catalog.suggest(text)]:
        assert entry.id in ct.catalog
    with contextlib.suppress(ct.CatalogError):
        assert len(ct.catalog.with_overlay(text)) >= len(ct.catalog)

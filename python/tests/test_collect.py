"""The query API and archives, against a server of the API."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from servers import Api

import nhn_cloudtrail as ct

Begin = Callable[..., Api]

SECRETS = ("testAppKey", "testKeyId", "testSecret", "wrongKey")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor a config file says anything."""
    for name in list(os.environ):
        if name.startswith(("NHN_CLOUDTRAIL_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def keys(reader: Any) -> list[str]:
    return sorted(event.event_log_uuid or "" for event in reader)


# Searching


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_search_gives_every_event_once(api: Begin, version: str) -> None:
    server = api("--events", 3000)
    reader = server.client(api=version).search("92d")
    assert isinstance(reader, ct.Reader)
    events = list(reader)
    assert keys(events) == sorted(server.keys())
    times = [event.event_time for event in events if event.event_time]
    assert times == sorted(times)
    assert reader.stats.events == 3000
    assert reader.stats.records == 3000 + reader.stats.duplicates


def test_faults_heal(api: Begin) -> None:
    server = api("--events", 1500, "--fail", 5, "--hang", 1, "--seed", 7)
    client = server.client(page_size=100, timeout=5.0)
    assert keys(client.search("92d")) == sorted(server.keys())


def test_search_is_narrowed_by_the_api_and_by_filters(api: Begin) -> None:
    server = api("--events", 2000)
    client = server.client()
    everything = list(client.search("92d"))
    event_id, number = Counter(event.event_id for event in everything).most_common(1)[0]
    assert event_id is not None
    reader = client.search("92d", event_id=event_id)
    assert {event.event_id for event in reader} == {event_id}
    assert reader.stats == ct.Stats(number, number, 0, *reader.stats[3:5], 0)

    reader = client.search("92d", event=event_id, lang="en")
    assert sum(1 for event in reader if event.name() == event.name("en")) == number
    assert reader.stats.filtered == 2000 - number

    one = everything[0].user_id_no
    assert one is not None
    assert {event.user_id_no for event in client.search("92d", id_no=one)} == {one}


def test_member_of_a_search(api: Begin) -> None:
    client = api("--events", 500).client()
    toast: ct.Member = {"member_type": "TOAST", "email_address": "kim.dev@example.com"}
    events = list(client.search("92d", member=toast))
    assert events
    assert {event.user_id for event in events} == {"kim.dev@example.com"}
    iam: ct.Member = {"member_type": "IAM", "user_code": "ops_jung"}
    assert {event.user_id for event in client.search("92d", member=iam)} <= {"ops_jung"}


@pytest.mark.parametrize(
    "member",
    [
        {},
        {"member_type": "TOAST"},
        {"member_type": "NHN", "user_code": "x"},
        {"member_type": "IAM", "user_code": "x", "email_address": "y"},
        {"member_type": "IAM", "code": "x"},
    ],
)
def test_no_member(member: Any) -> None:
    client = ct.Client("https://127.0.0.1:9", "key", api="v1")
    with pytest.raises(ct.ArgumentError, match=r"^member: "):
        client.search("7d", member=member)


def test_period_in_every_form(api: Begin) -> None:
    server = api("--events", 1000)
    client = server.client()
    everything = [event for event in client.search("92d") if event.event_time]
    middle = everything[500].event_time
    assert middle is not None
    later = sum(1 for event in everything if event.event_time and event.event_time >= middle)
    seoul = middle.astimezone(tz=datetime.now(UTC).astimezone().tzinfo)
    for since in (middle, seoul, middle.isoformat()):
        assert len(list(client.search(since))) == later
    # Without an offset a time is one in `tz`, as everywhere.
    naive = middle.replace(tzinfo=None)
    assert len(list(client.search(naive))) == later
    shifted = naive + timedelta(hours=9)
    assert len(list(client.search(shifted, tz="Asia/Seoul"))) == later
    day = middle.date()
    found = {event.event_time.date() for event in client.search(day, day) if event.event_time}
    # The end of a period belongs to it.
    assert day in found
    assert found <= {day, day + timedelta(days=1)}


@pytest.mark.parametrize(
    ("period", "what"),
    [
        (("100d",), "93 days"),
        (("2020-01-01",), "93 days"),
        (("nonsense",), "^since: "),
        (("1d", "2d"), "nothing lies"),
        ((datetime.now(UTC) + timedelta(days=1),), "yet to come"),
    ],
)
def test_no_period(period: tuple[Any, ...], what: str) -> None:
    client = ct.Client("https://127.0.0.1:9", "key", api="v1")
    with pytest.raises(ct.ArgumentError, match=what) as caught:
        client.search(*period)
    assert caught.value.code == "INVALID_TIME"


def test_search_has_the_filters_of_a_log() -> None:
    expected = get_type_hints(ct.Filters)
    del expected["since"], expected["until"]
    assert get_type_hints(ct.SearchFilters) == expected
    client: Any = ct.Client("https://127.0.0.1:9", "key", api="v1")
    with pytest.raises(TypeError, match="nonsense"):
        client.search("7d", nonsense=1)
    with pytest.raises(ct.ArgumentError, match="kind"):
        client.search("7d", kind="nonsense")


# Errors


@pytest.mark.parametrize("on_error", ["raise", "skip", "collect"])
def test_refusal_ends_the_search(api: Begin, on_error: ct.OnError) -> None:
    server = api()
    reader = server.client(secret_access_key="wrongKey").search("7d", on_error=on_error)
    with pytest.raises(ct.ServiceError) as caught:
        list(reader)
    error = caught.value
    assert (error.code, error.source, error.record) == ("REFUSED", None, None)
    assert "on_error" not in str(error)
    assert server.url.removeprefix("http://") in str(error)
    assert reader.errors == []
    # Once is enough.
    assert server.state()["searches"] <= 8
    chain: list[BaseException] = [error]
    for one in chain:
        chain.extend(cause for cause in (one.__cause__, one.__context__) if cause)
        shown = f"{one} {one!r} {vars(one)}"
        assert not [secret for secret in SECRETS if secret in shown], shown
    assert list(reader) == []


def test_network_that_is_not_there() -> None:
    client = ct.Client("http://127.0.0.1:9", "testAppKey", api="v1", retries=0)
    with pytest.raises(ct.ServiceError) as caught:
        list(client.search("7d"))
    assert caught.value.code == "NETWORK"
    assert "testAppKey" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (ct.ServiceError, str(caught.value))


def test_answer_that_takes_too_long(api: Begin) -> None:
    server = api("--hang", 3)
    server.control("fail", kinds=["timeout"], next=1000)
    with pytest.raises(ct.ServiceError) as caught:
        list(server.client(retries=0, timeout=0.3).search("7d"))
    assert caught.value.code == "TIMEOUT"


# The client


def test_client_shows_no_secret(api: Begin) -> None:
    client = api().client()
    assert repr(client) == f"Client({client.host!r})"
    assert client.host.startswith("127.0.0.1:")
    with pytest.raises(TypeError, match="keys"):
        pickle.dumps(client)
    assert not [secret for secret in SECRETS if secret in f"{client!r} {client._native!r}"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"app_key": None}, "appkey"),
        ({"base_url": None}, "base URL"),
        ({"secret_access_key": None}, "v1"),
        ({"base_url": "http://example.com"}, "https"),
        ({"api": "v3"}, "v3"),
        ({"page_size": 1001}, "page size"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": -1}, "^concurrency: "),
        ({"rate": 0.0}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"timeout": 0.0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": -1.0}, "timeout"),
    ],
)
def test_no_client(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ct.ArgumentError, match=what) as caught:
        Api("https://example.com").client(**options)
    assert caught.value.code == "INVALID_OPTION"
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_environment_and_config_file(
    api: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = api("--events", 50)
    config = tmp_path / "config.toml"
    config.write_text(
        f'base_url = "{server.url}"\napp_key = "wrongKey"\n'
        'access_key_id = "testKeyId"\nsecret_access_key = "testSecret"\n'
    )
    config.chmod(0o600)
    monkeypatch.setenv("NHN_CLOUDTRAIL_APP_KEY", "testAppKey")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(ct.Client(config=config).search("92d"))) == 50
    config.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        ct.Client(config=config)
    with pytest.raises(ct.SourceNotFoundError):
        ct.Client(config=tmp_path / "nowhere.toml")


# Collecting


def test_collect_twice_and_read(api: Begin, tmp_path: Path) -> None:
    server = api("--events", 3000)
    archive = tmp_path / "archive"
    report = ct.collect(archive, client=server.client(), since="92d")
    assert report.is_complete
    assert (report.new, report.rejected, report.conflicts) == (3000, 0, 0)
    assert (report.gaps, report.error, report.objects) == ([], None, 0)
    assert report.requests > 0
    assert report.fetched == report.new + report.known
    assert keys(ct.read(archive)) == sorted(server.keys())
    assert len(ct.read_table(archive)) == 3000

    server.control("insert", time=datetime.now(UTC).isoformat(), count=5)
    again = ct.collect(str(archive), client=server.client(), since="92d")
    assert again.new == 5
    assert keys(ct.read(archive)) == sorted(server.keys())
    nothing = ct.collect(archive, client=server.client(), since="92d")
    assert nothing.new == 0
    assert nothing.is_complete
    assert len({report.head, again.head, nothing.head}) == 3
    assert pickle.loads(pickle.dumps(report)) == report


def test_deadline(api: Begin, tmp_path: Path) -> None:
    server = api("--events", 50)
    report = ct.collect(tmp_path / "archive", client=server.client(), since="92d", deadline=0)
    assert (report.new, report.error, report.warnings) == (0, None, [])
    assert "deadline" in report.gaps[0].reason
    assert not report.is_complete
    with pytest.raises(ct.ArgumentError, match="deadline"):
        ct.collect(tmp_path / "archive", client=server.client(), since="92d", deadline=-1)
    report = ct.collect(tmp_path / "archive", client=server.client(), since="92d", deadline=600)
    assert (report.is_complete, report.new) == (True, 50)


def test_collect_with_the_client_of_the_environment(
    api: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = api("--events", 20)
    monkeypatch.setenv("NHN_CLOUDTRAIL_BASE_URL", server.url)
    monkeypatch.setenv("NHN_CLOUDTRAIL_APP_KEY", "testAppKey")
    with pytest.raises(ct.ArgumentError, match="v1"):
        ct.collect(tmp_path / "archive", since="92d")
    monkeypatch.setenv("NHN_CLOUDTRAIL_ACCESS_KEY_ID", "testKeyId")
    monkeypatch.setenv("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY", "testSecret")
    assert ct.collect(tmp_path / "archive", since="92d").new == 20


def test_names_of_an_archive(api: Begin, tmp_path: Path) -> None:
    server = api("--events", 50)
    ct.collect(tmp_path / "archive", client=server.client(), since="92d", lang="en")
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(tmp_path / "archive", partitioning=None)
    assert "Delete Instance" in set(frame["event_name"])


def test_what_is_refused_is_in_the_report(api: Begin, tmp_path: Path) -> None:
    server = api()
    client = server.client(secret_access_key="wrongKey")
    report = ct.collect(tmp_path / "archive", client=client, since="92d")
    assert isinstance(report.error, ct.ServiceError)
    assert report.error.code == "REFUSED"
    assert not report.is_complete
    [gap] = report.gaps
    assert gap.since is not None
    assert gap.until is not None
    assert gap.until - gap.since > timedelta(days=91)
    assert gap.object is None
    assert not [secret for secret in SECRETS if secret in f"{report!r} {gap.reason}"]
    # Nothing is lost for another time.
    assert ct.collect(tmp_path / "archive", client=server.client(), since="92d").new == 1000


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "nothing to collect from"),
        ({"until": "2026-10-31"}, "since"),
        ({"client": ct.Client("https://127.0.0.1:9", "key", api="v1")}, "since"),
        ({"since": "7d"}, "base URL"),
    ],
)
def test_nothing_to_collect(options: dict[str, Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(ct.ArgumentError, match=what):
        ct.collect(tmp_path / "archive", **options)
    assert not (tmp_path / "archive").exists()


def test_archive_is_no_bucket() -> None:
    with pytest.raises(ct.ArgumentError, match="into"):
        ct.collect("s3://bucket/archive", bucket="s3://bucket/logs")


def test_progress(api: Begin, tmp_path: Path) -> None:
    server = api("--events", 3000)
    told: list[ct.Collected] = []
    times: list[float] = []

    def tell(collected: ct.Collected) -> None:
        told.append(collected)
        times.append(time.monotonic())

    client = server.client(page_size=50, rate=200.0)
    report = ct.collect(tmp_path / "archive", client=client, since="92d", on_progress=tell)
    assert len(told) > 3
    assert all(isinstance(one, ct.Collected) for one in told)
    assert all(one.done <= one.total for one in told)
    assert told[-1].fetched == report.fetched
    assert told[-1].done == told[-1].total > 0
    assert [one.requests for one in told] == sorted(one.requests for one in told)
    # But for the last one, which is told in any case.
    pauses = [after - before for before, after in pairwise(times[:-1])]
    assert min(pauses) > 0.09


class Enough(Exception):
    """An exception of the user's own."""


@pytest.mark.parametrize("after", [0, 3])
def test_exception_of_the_callback_ends_the_collection(
    api: Begin, tmp_path: Path, after: int
) -> None:
    server = api("--events", 3000)
    archive = tmp_path / "archive"
    raised = Enough("enough")
    told: list[ct.Collected] = []

    def tell(collected: ct.Collected) -> None:
        told.append(collected)
        if len(told) > after:
            raise raised

    client = server.client(page_size=50, rate=200.0)
    with pytest.raises(Enough) as caught:
        ct.collect(archive, client=client, since="92d", on_progress=tell)
    assert caught.value is raised
    assert len(told) == after + 1
    # The next one goes on.
    report = ct.collect(archive, client=server.client(), since="92d")
    assert report.is_complete
    assert keys(ct.read(archive)) == sorted(server.keys())
    assert ct.verify_archive(archive).is_intact


def test_no_callback(tmp_path: Path) -> None:
    nothing: Any = 1
    with pytest.raises(TypeError, match="on_progress"):
        ct.collect(tmp_path / "archive", on_progress=nothing)


def test_other_threads_go_on(api: Begin, tmp_path: Path) -> None:
    client = api("--events", 1000).client(page_size=50, rate=100.0)
    turns, done = 0, threading.Event()

    def turn() -> None:
        nonlocal turns
        while not done.wait(0.001):
            turns += 1

    other = threading.Thread(target=turn)
    other.start()
    ct.collect(tmp_path / "archive", client=client, since="92d")
    done.set()
    other.join()
    assert turns > 50


CODE = """
import sys
import nhn_cloudtrail as ct
url, archive = sys.argv[1:]
client = ct.Client(url, "testAppKey", api="v1", page_size=10, rate=10.0)
print("begun", flush=True)
try:
    {code}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "code",
    ["list(client.search('92d'))", "ct.collect(archive, client=client, since='92d')"],
)
@pytest.mark.parametrize("hangs", [False, True])
def test_interrupt(api: Begin, tmp_path: Path, code: str, hangs: bool) -> None:
    server = api("--events", 5000, "--hang", 60)
    if hangs:
        server.control("fail", kinds=["timeout"], next=1000)
    archive = tmp_path / "archive"
    command = [sys.executable, "-c", CODE.format(code=code), server.url, str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(1)
            assert process.poll() is None
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            assert time.monotonic() - begun < 10
        finally:
            process.kill()


# What there is


@pytest.fixture
def archive(api: Begin, tmp_path: Path) -> Path:
    """An archive of two runs."""
    server = api("--events", 500)
    path = tmp_path / "archive"
    ct.collect(path, client=server.client(), since="92d", until="10d")
    ct.collect(path, client=server.client(), since="92d")
    return path


def test_verify_finds_a_flipped_byte(archive: Path) -> None:
    verified = ct.verify_archive(archive)
    assert verified.is_intact
    assert (verified.findings, verified.interrupted, verified.records) == ([], False, 500)
    assert verified.entries > 1
    file = sorted(archive.rglob("event_date=*/*.parquet"))[1]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    changed = ct.verify_archive(archive)
    assert not changed.is_intact
    [finding] = changed.findings
    assert (finding.kind, finding.path) == ("altered", str(file.relative_to(archive)))
    assert finding.message
    file.unlink()
    assert [finding.kind for finding in ct.verify_archive(archive).findings] == ["removed"]


def test_verify_knows_a_head(archive: Path) -> None:
    head = ct.verify_archive(archive).head
    assert ct.verify_archive(str(archive), head=head).is_intact
    [finding] = ct.verify_archive(archive, head="0" * 63 + "1").findings
    assert finding.kind == "head"


def test_a_rollback_is_found_by_a_head_that_is_kept_elsewhere(api: Begin, tmp_path: Path) -> None:
    server = api("--events", 20)
    path, old, head_file = (tmp_path / name for name in ("archive", "old", "head.json"))

    def collect() -> ct.Report:
        return ct.collect(path, client=server.client(), since="92d", head_file=head_file)

    collect()
    assert ct.verify_archive(path, head_file=head_file).is_intact
    shutil.copytree(path, old)
    report = collect()
    assert json.loads(head_file.read_text())["head"] == report.head
    shutil.rmtree(path)
    shutil.copytree(old, path)
    assert ct.verify_archive(path).is_intact
    verified = ct.verify_archive(path, head_file=head_file)
    assert [finding.kind for finding in verified.findings] == ["head"]
    assert verified.settled == 0
    with pytest.raises(ct.SourceError, match="rolled back") as raised:
        collect()
    assert raised.value.code == "INVALID_ARCHIVE"


def test_signature(api: Begin, tmp_path: Path) -> None:
    private, public, other = (tmp_path / name for name in ("key", "public", "other"))
    for key, to in ((private, public), (tmp_path / "second", other)):
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519", "-out", key],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            ["openssl", "pkey", "-in", key, "-pubout", "-out", to], check=True, capture_output=True
        )
    path = tmp_path / "archive"
    ct.collect(path, client=api("--events", 20).client(), since="92d", sign=private)
    assert ct.verify_archive(path, public_key=public).is_intact
    kinds = [finding.kind for finding in ct.verify_archive(path, public_key=other).findings]
    assert kinds == ["signature"]
    with pytest.raises(ct.ArgumentError, match="Ed25519"):
        ct.verify_archive(path, public_key=private)
    private.chmod(0o640)
    with pytest.warns(UserWarning, match="chmod 600"):
        ct.collect(path, client=api("--events", 20).client(), since="92d", sign=private)


def test_status(archive: Path) -> None:
    status = ct.archive_status(archive)
    assert status["events"] == 500
    assert status["rejects"] == 0
    assert sum(day["events"] for day in status["days"]) == 500
    assert status["head"] == ct.verify_archive(archive).head
    files = [path for path in archive.rglob("*.parquet") if "_archive" not in path.parts]
    assert status["files"] == len(files)
    assert status["bytes"] == sum(path.stat().st_size for path in files)
    [source] = status["sources"]
    assert source["gaps"] == []
    assert status["last_run"] is not None
    assert status["last_run"]["records"]["new"] > 0
    # All that the types name, and no more.
    assert set(status) == set(get_type_hints(ct.ArchiveStatus))
    assert set(status["days"][0]) == set(get_type_hints(ct.ArchiveDay))
    assert set(source) == set(get_type_hints(ct.ArchiveSource))
    assert set(status["last_run"]) == set(get_type_hints(ct.ArchiveRun))
    assert set(status["last_run"]["records"]) == set(get_type_hints(ct.Counts))


@pytest.mark.parametrize("look", [ct.verify_archive, ct.archive_status])
def test_no_archive(look: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ct.SourceNotFoundError):
        look(tmp_path / "nowhere")
    with pytest.raises(ct.SourceError) as caught:
        look(tmp_path)
    assert caught.value.code == "INVALID_ARCHIVE"


def test_archive_that_another_run_holds(api: Begin, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    client = api("--events", 500).client(page_size=50, rate=100.0)
    seen: list[str] = []

    def tell(_: ct.Collected) -> None:
        with pytest.raises(ct.ReadError) as caught:
            ct.collect(path, client=client, since="92d")
        seen.append(caught.value.code)
        # It can be verified meanwhile.
        assert ct.verify_archive(path).is_intact

    ct.collect(path, client=client, since="92d", on_progress=tell)
    assert set(seen) == {"LOCKED"}


def test_sources_of_the_config_file_come_to_one_archive(api: Begin, tmp_path: Path) -> None:
    server = api("--events", 200)
    config = tmp_path / "sources.toml"
    config.touch(0o600)
    table = (
        '[[source]]\nname = "{}"\nbase_url = "{}"\napp_key = "testAppKey"\n'
        'access_key_id = "testKeyId"\nsecret_access_key = "testSecret"\n'
    )
    down = table.format("down", "http://127.0.0.1:1") + 'api = "v3"\n'
    config.write_text(down)
    with pytest.raises(ct.ArgumentError, match="source down: "):
        ct.collect(tmp_path / "none", sources="all", config=config)
    config.write_text(table.format("one", server.url) + '[[source]]\nname = "two"\n')
    archive = tmp_path / "archive"
    report = ct.collect(archive, sources="all", since="92d", config=config, wait_for_lock=True)
    assert report.new == 200
    assert report.error is not None
    assert str(report.error).startswith("two: ")
    assert report.gaps[0].reason.startswith("two: ")
    report = ct.collect(archive, sources=["one"], since="92d", config=config, wait_for_lock=0.5)
    assert report.is_complete
    [source] = ct.archive_status(archive)["sources"]
    assert source["name"] == "one"
    for options in (
        {"sources": []},
        {"sources": "three"},
        {"sources": "all", "bucket": "s3://b"},
        {"sources": "all", "wait_for_lock": -1},
    ):
        with pytest.raises(ct.ArgumentError):
            ct.collect(archive, since="92d", config=config, **options)  # type: ignore[arg-type]

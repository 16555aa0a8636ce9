"""The command `nhn-cloudtrail`, as `python -m nhn_cloudtrail` and as a script."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

import nhn_cloudtrail as ct

SCRIPT = Path(sysconfig.get_path("scripts")) / "nhn-cloudtrail"
COMMANDS = {"module": [sys.executable, "-m", "nhn_cloudtrail"], "script": [str(SCRIPT)]}

LOG = b'{"eventId":"event_id.iaas.vpc.delete"}\n{"eventId":"b"}\n'

every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


def run(
    command: list[str], *arguments: object, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*command, *map(str, arguments)], input=stdin, capture_output=True, timeout=30
    )


@every_command
def test_version(command: list[str]) -> None:
    done = run(command, "--version")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert text.startswith(f"nhn-cloudtrail {ct.__version__}\n")
    assert ct.catalog.version in text


@every_command
def test_help_calls_the_command_by_its_name(command: list[str]) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert "Usage: nhn-cloudtrail " in done.stdout.decode()


@every_command
def test_jsonl_is_what_events_give(command: list[str], logs: Path) -> None:
    done = run(command, "read", logs, "--format", "jsonl")
    events = list(ct.read(logs))
    # One of the traps among the samples is an empty object.
    assert [event.raw for event in events if not event.is_recognized] == [b"{}"]
    assert done.returncode == 0
    assert done.stderr.startswith(b"warning: 1 of ")
    assert done.stderr.count(b"\n") == 1
    lines = [event.to_json() + "\n" for event in events]
    assert done.stdout.decode() == "".join(lines)


@every_command
def test_options(command: list[str], logs: Path) -> None:
    options = ["--kind", "delete", "-f", "jsonl", "--columns", "event_name,raw"]
    done = run(command, "--lang", "en", "read", logs, *options)
    lines = [
        event.to_json(columns=["event_name", "raw"]) + "\n"
        for event in ct.read(logs, lang="en", kind="delete")
    ]
    assert done.stdout.decode() == "".join(lines)


@every_command
def test_standard_input(command: list[str]) -> None:
    done = run(command, "read", "-", "-f", "jsonl", stdin=LOG)
    assert done.returncode == 0
    assert [json.loads(line)["event_id"] for line in done.stdout.splitlines()] == [
        "event_id.iaas.vpc.delete",
        "b",
    ]


@every_command
def test_exit_statuses(command: list[str], tmp_path: Path) -> None:
    assert run(command, "read", "-", stdin=LOG).returncode == 0
    rejected = run(command, "read", "-", stdin=LOG + b"{broken\n")
    assert rejected.returncode == 1
    assert b"line 3" in rejected.stderr
    missing = run(command, "read", tmp_path / "nowhere.jsonl")
    assert missing.returncode == 2
    assert b"nowhere.jsonl" in missing.stderr
    assert run(command, "read", "--no-such-option").returncode == 2
    assert run(command).returncode == 2


def test_convert_and_read_back(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    target = tmp_path / "table.parquet"
    done = run(COMMANDS["module"], "convert", log, "-o", target)
    assert done.returncode == 0
    assert [event.event_id for event in ct.read(target)] == ["event_id.iaas.vpc.delete", "b"]


def test_reader_of_the_output_that_goes_away(logs: Path) -> None:
    with subprocess.Popen(
        [*COMMANDS["module"], "read", logs, "-f", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(10)


@every_command
@pytest.mark.parametrize("log", [b"", LOG], ids=["before any input", "in the midst"])
def test_ctrl_c_ends_with_130(command: list[str], log: bytes) -> None:
    end, other = os.pipe()
    with os.fdopen(end, "rb") as waiting, os.fdopen(other, "wb", buffering=0) as writing:
        writing.write(log)
        process = subprocess.Popen(
            [*command, "read", "-", "-f", "jsonl"],
            stdin=waiting,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            wait_until_it_listens(process.pid)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in said


def wait_until_it_listens(pid: int) -> None:
    """Waits until the command runs, which has a thread for signals."""
    for _ in range(500):
        if len(os.listdir(f"/proc/{pid}/task")) > 1:
            break
        time.sleep(0.02)
    time.sleep(0.2)

"""Metrics as the Python client of Prometheus reads them, and the examples of docs/collecting.md."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

COMMAND = os.environ["NHN_CLOUDTRAIL"]
ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/collecting.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)


def test_prometheus_reads_the_metrics(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, ROOT / "tests/servers/cloudtrail_api.py", "--events", "100", "--days", "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None and server.stdin is not None
    url = server.stdout.readline().removeprefix("ready ").strip()
    config = tmp_path / "config.toml"
    config.touch(0o600)
    config.write_text(
        f'[[source]]\nname = "production"\nbase_url = "{url}"\napp_key = "testAppKey"\n'
        'access_key_id = "testKeyId"\nsecret_access_key = "testSecret"\n'
    )
    archive = tmp_path / 'a "quoted" \\ folder'
    collect = [COMMAND, "collect", "--all", "--config", config, "--since", "30d", "--into", archive]
    subprocess.run(collect, check=True, stdout=subprocess.DEVNULL)
    server.stdin.close()
    server.wait()
    shown = [COMMAND, "archive", "status", archive, "--format"]
    text = subprocess.run([*shown, "prometheus"], check=True, capture_output=True, text=True).stdout
    status = json.loads(subprocess.run([*shown, "json"], check=True, capture_output=True).stdout)

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.documentation for family in families.values())
    assert {family.type for family in families.values()} == {"gauge"}
    samples = {
        name.removeprefix("nhn_cloudtrail_archive_"): family.samples
        for name, family in families.items()
    }
    labels = {label for some in samples.values() for s in some for label in s.labels}
    assert labels == {"archive", "source", "name"}
    assert {s.labels["archive"] for some in samples.values() for s in some} == {str(archive)}
    for name in ("events", "rejects", "files", "bytes", "objects"):
        assert [s.value for s in samples[name]] == [status[name]]
    assert status["events"] == 100
    ended = datetime.fromisoformat(status["last_run"]["ended"])
    assert samples["last_run_timestamp_seconds"][0].value == pytest.approx(ended.timestamp())
    assert abs((datetime.now(UTC) - ended).total_seconds()) < 600
    [gaps] = samples["source_gaps"]
    assert (gaps.value, gaps.labels["name"]) == (0, "production")
    assert gaps.labels["source"] == status["sources"][0]["source"]


def test_names_of_metrics_are_those_of_the_documentation() -> None:
    source = (ROOT / "crates/nhn-cloudtrail-cli/src/prometheus.rs").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:single|metric)\(\s*"([a-z_]+)"', source))
    assert len(names) > 10
    told = set(re.findall(r"`([a-z_]+)`", DOCS.partition("All names begin with")[2]))
    assert names <= told


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_units_are_valid(tmp_path: Path) -> None:
    service, timer = blocks("ini")
    # The command may be installed nowhere.
    service = service.replace("/usr/local/bin/nhn-cloudtrail", COMMAND)
    paths = [tmp_path / "cloudtrail-collect.service", tmp_path / "cloudtrail-collect.timer"]
    for path, text in zip(paths, (service, timer), strict=True):
        path.write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", *paths], check=False, capture_output=True, text=True
    )
    assert (ran.returncode, [line for line in ran.stderr.splitlines() if "cloudtrail" in line]) == (
        0,
        [],
    )


def test_the_cron_job_is_one_and_its_options_exist() -> None:
    [text] = blocks("yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    [line] = re.findall(r"^ExecStart=\S+ (.*)$", DOCS, re.MULTILINE)
    for arguments in (container["args"], shlex.split(line)):
        # It ends there, but not for an option that it does not know.
        environment = {"HOME": "/nowhere"}
        target = ["--into", "/dev/null/archive"]
        kept = [a for a in arguments if not a.startswith("--into")]
        kept = [a for a in kept if a != "/var/lib/cloudtrail"]
        ran = subprocess.run(
            [COMMAND, *kept, *target], check=False, capture_output=True, text=True, env=environment
        )
        assert ran.returncode == 2
        assert "Usage:" not in ran.stderr, ran.stderr


def test_every_guarantee_names_tests_that_exist() -> None:
    table = DOCS.partition("| threat or fault |")[2].partition("\n\n")[0]
    rows = [row.strip("|").split("|") for row in table.splitlines()[2:]]
    assert len(rows) > 20
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "crates").rglob("*.rs")
        if "target" not in path.parts
    )
    for _, _, tests in rows:
        names = re.findall(r"`([a-z_]+)`", tests)
        assert names, tests
        for name in names:
            assert f"fn {name}(" in sources, name

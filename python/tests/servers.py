"""The servers of `tests/servers`, as tests use them."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import nhn_cloudtrail as ct

# Whatever stands in the environment, loopback is asked directly.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def start(*command: object) -> Iterator[str]:
    """Starts a server that says `ready` and its URL, and ends when its standard input does."""
    with subprocess.Popen(
        [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready "), line
            yield line.split()[1]
        finally:
            process.kill()


class Api:
    """A server of the query API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, **options: Any) -> ct.Client:
        """A client with the right keys, in no need of patience, unless `options` say otherwise."""
        given: dict[str, Any] = {
            "base_url": self.url,
            "app_key": "testAppKey",
            "access_key_id": "testKeyId",
            "secret_access_key": "testSecret",
            "rate": 5000.0,
        }
        return ct.Client(**(given | options))

    def keys(self) -> list[str]:
        """The keys of all events."""
        with _opener.open(f"{self.url}/control/uuids") as answer:
            return answer.read().decode().split()

    def state(self) -> dict[str, Any]:
        """What was asked so far."""
        with _opener.open(f"{self.url}/control/state") as answer:
            return json.load(answer)

    def control(self, what: str, **body: Any) -> Any:
        """Tells the server something."""
        request = urllib.request.Request(
            f"{self.url}/control/{what}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with _opener.open(request) as answer:
            return json.loads(answer.read() or b"null")


class Swift:
    """A server of Object Storage, filled by its own API and read by that of S3."""

    def __init__(self, url: str) -> None:
        self.options: ct.StorageOptions = {
            "endpoint": url,
            "region": "kr1",
            "access_key_id": "test:tester",
            "secret_access_key": "testing",
        }
        headers = {"x-auth-user": "test:tester", "x-auth-key": "testing"}
        with _opener.open(urllib.request.Request(f"{url}/auth/v1.0", headers=headers)) as answer:
            self._store = answer.headers["x-storage-url"]
            self._headers = {"x-auth-token": answer.headers["x-auth-token"]}

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Makes a bucket, or adds objects to it."""
        self._put(quote(bucket), b"")
        for name, data in objects.items():
            self._put(f"{quote(bucket)}/{quote(name)}", data)

    def _put(self, path: str, data: bytes) -> None:
        headers = {**self._headers, "content-type": "application/octet-stream"}
        request = urllib.request.Request(f"{self._store}/{path}", data, headers, method="PUT")
        _opener.open(request).close()

"""OpenStack Swift, which NHN Cloud's Object Storage is, in one process and with its S3 API.

    python swift_server.py DIR PORT

It keeps its data in DIR, listens on loopback alone, on any free port if PORT is 0, prints
`ready http://127.0.0.1:PORT` when it can be used, and ends when its standard input is closed:
whoever starts it keeps a pipe open, and however that process ends, the server ends with it.

S3 by path style, region `kr1`. Two users: `test:tester` with the secret `testing`, who may do
everything, and `test:reader` with the secret `reading`, who may do nothing unless allowed.

The packages that it wants are in `requirements.txt`. It is not called `swift`, as Python would take
it for the package then.
"""

import argparse
import sys
from pathlib import Path

from swift.common import storage_policy, utils
from swift.common.concurrency import listen, spawn, tpool, wsgi
from swift.common.constraints import MAX_REQUEST_LINE
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.utils import NullLogger
from swift.common.wsgi import loadapp

SWIFT = """
[swift-hash]
swift_hash_path_prefix = test
swift_hash_path_suffix = test
[storage-policy:0]
name = only
default = yes
"""
BACKEND = """
[DEFAULT]
swift_dir = {etc}
devices = {devices}
mount_check = false
fallocate_reserve = 0
[app:main]
use = egg:swift#{kind}
"""
FILTERS = "catch_errors gatekeeper listing_formats s3api tempauth copy slo dlo versioned_writes"
PROXY = """
[DEFAULT]
swift_dir = {etc}
[pipeline:main]
pipeline = {filters} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
[filter:s3api]
use = egg:swift#s3api
location = kr1
dns_compliant_bucket_names = false
"""
DEVICE = {"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "device": "disk"}


class Tokens(dict):
    """Stands in for memcached, where Swift's own way of signing in keeps its tokens."""

    def get(self, key: str, *_: object, **__: object) -> object:
        return super().get(key)

    def set(self, key: str, value: object, *_: object, **__: object) -> None:
        # Nothing else is kept, so that what changes is seen at once.
        if "/auth/" in key or "/token/" in key or "/user/" in key:
            self[key] = value

    def delete(self, key: str, *_: object, **__: object) -> None:
        self.pop(key, None)

    def __bool__(self) -> bool:
        return True


TOKENS = Tokens()


def serve(conf: Path, sock: object) -> None:
    """Starts one of Swift's servers."""
    swift = loadapp(str(conf), {"log_name": conf.stem})

    def app(env: dict[str, object], start: object) -> object:
        env["swift.cache"] = TOKENS
        return swift(env, start)

    # S3 clients want `ETag`, not `Etag`.
    options = {"protocol": SwiftHttpProtocol, "capitalize_response_headers": False}
    spawn(wsgi.server, sock, app, NullLogger(), url_length_limit=MAX_REQUEST_LINE, **options)


def main() -> None:
    """Serves until standard input is closed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=Path, metavar="DIR")
    parser.add_argument("port", type=int, metavar="PORT")
    args = parser.parse_args()
    etc, devices = args.dir.resolve() / "etc", args.dir.resolve() / "devices"
    etc.mkdir(parents=True, exist_ok=True)
    (devices / DEVICE["device"]).mkdir(parents=True, exist_ok=True)

    utils.monkey_patch()
    (etc / "swift.conf").write_text(SWIFT)
    utils.set_swift_dir(str(etc))
    storage_policy.reload_storage_policies()

    for kind in ("account", "container", "object"):
        sock = listen(("127.0.0.1", 0))
        ring = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
        ring.add_dev(DEVICE | {"port": sock.getsockname()[1]})
        ring.rebalance()
        ring.get_ring().save(str(etc / f"{kind}.ring.gz"))
        conf = etc / f"{kind}-server.conf"
        conf.write_text(BACKEND.format(etc=etc, devices=devices, kind=kind))
        serve(conf, sock)

    sock = listen(("127.0.0.1", args.port))
    plain = "".join(
        f"[filter:{name}]\nuse = egg:swift#{name}\n"
        for name in FILTERS.split()
        if name not in ("tempauth", "s3api")
    )
    conf = etc / "proxy-server.conf"
    conf.write_text(PROXY.format(etc=etc, filters=FILTERS) + plain)
    serve(conf, sock)
    print(f"ready http://127.0.0.1:{sock.getsockname()[1]}", flush=True)

    # In a thread of its own, or the servers would wait for it.
    tpool.execute(sys.stdin.buffer.read)


if __name__ == "__main__":
    main()

# pyright: standard
"""What users get wrong: there must be one error on each marked line, and none on any other."""

from pathlib import Path

import nhn_cloudtrail as ct
from nhn_cloudtrail import EventId, ServiceId

# IDs that there are not.
entry = ct.catalog["event_id.iaas.instance.delet"]  # error
event_id: EventId = "event_id.iaas.instances.delete"  # error
service_id: ServiceId = "rds-for-mysq"  # error
ids: list[ct.EventId] = ["event_id.iaas.instance.delete", "event_id.iaas.instance.remove"]  # error

# An ID from data may be unknown: `get` is for those.
known = ct.catalog[Path("id.txt").read_text()]  # error
name = ct.catalog.get("event_id.iaas.instance.delet").name()  # error

# Options that there are not.
ct.read("logs/", kind="remove")  # error
ct.read("logs/", kind=["delete", "remove"])  # error
ct.read("logs/", phase="begun")  # error
ct.read("logs/", outcome="ok")  # error
ct.read("logs/", on_error="ignore")  # error
ct.read("logs/", lang="kr")  # error
ct.read("logs/", username="kim")  # error
ct.read("logs/", limits={"deep": 64})  # error
ct.read("logs/", progress=lambda read: print(read))  # error
ct.read_table("logs/", columns=["event_tim"])  # error
ct.read_table("logs/", columns="event_time")  # error
ct.read_table("logs/", threads="all")  # error
ct.write_parquet("logs/", b"archive")  # error
ct.parse(b"{}", on_error="collect")  # error
ct.parse(b"{}", "skip")  # error

# `parse` is for what is in hand, `read` for where it is.
ct.parse(["a.jsonl", "b.jsonl"])  # error
ct.parse(Path("a.jsonl"))  # error
ct.read(open("a.jsonl"))  # error
ct.read(42)  # error

# Any field may be absent.
for event in ct.parse(b"{}"):
    print(event.user_id.upper())  # error
    print(event.action.kind)  # error
    print(event.event_time.year)  # error
    print([member.name for member in event.target_members])  # error
    user: str = event.user_name  # error

# Events are what was recorded.
for event in ct.parse(b"{}"):
    event.user_id = "somebody else"  # error
    event.outcome = "success"  # error
    del event.raw  # error
    user = event.username  # error
    event.name("kr")  # error
    event.to_dict(columns=["user"])  # error

for reject in ct.read_table("logs/").rejects:
    reject.raw = b""  # error

# Collecting.
client = ct.Client("https://example.com", "appkey", api="v3")  # error
client.search()  # error
client.search("7d", kind="remove")  # error
client.search(7)  # error
client.search("7d", member={"member_type": "TOAST", "user_code": "kim"})  # error
ct.collect("archive/", "7d")  # error
ct.collect("archive/", client="https://example.com")  # error
ct.read("s3://bucket", storage_options={"aws_region": "kr1"})  # error
print(ct.archive_status("archive/")["day"])  # error

# Names that there are not.
ct.reed("logs/")  # error
print(ct.SCHEMA)  # error


class Mine(ct.Event):  # error
    """Native classes have no subclasses."""

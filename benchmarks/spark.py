"""Ours next to Spark's own JSON reader, in one session, in turns.

    target/python/spark/bin/python benchmarks/spark.py LOG [MASTER [ROUNDS]]

LOG is text, a record a line (`cargo xtask bench` leaves one in `target/bench/data`); MASTER is
`local[1]` for the cost on one core. The environment is that of the tests, `cargo xtask test`.
"""

import os
import statistics
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

from nhn_cloudtrail.spark import CloudTrailDataSource, enrich

TEXTS = """eventId eventSourceType userIdNo userId userName userIp userAgent productId region orgId
projectId projectName appKey tenantId eventLogUuid request response""".split()
MEMBERS = "array<struct<idNo: string, name: string, userCode: string, emailAddress: string>>"
ALL = ", ".join(
    ["eventTime timestamp", *(f"{name} string" for name in TEXTS)]
    + [f"eventTarget struct<targetMembers: {MEMBERS}>"]
)
THREE = "eventTime timestamp, eventId string, userId string"


def main(log, master="local[2]", rounds="3"):
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.memory", "3g")
    spark = builder.config("spark.python.unix.domain.socket.enabled", "true").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark.dataSource.register(CloudTrailDataSource)
    ours = spark.read.format("nhn_cloudtrail")
    contenders = {
        "all columns": lambda: ours.load(log),
        "all columns, Spark's JSON": lambda: spark.read.schema(ALL).json(log),
        "three columns": lambda: (
            spark.read.format("nhn_cloudtrail")
            .option("columns", "event_time,event_id,user_id")
            .load(log)
        ),
        "three columns, Spark's JSON": lambda: spark.read.schema(THREE).json(log),
        "text, enriched, three columns": lambda: enrich(
            spark.read.text(log), "value", columns=["event_time", "event_id", "user_id"]
        ).drop("value"),
    }
    seconds = {name: [] for name in contenders}
    # The first round warms Java up, and is not counted.
    for turn in range(int(rounds) + 1):
        for name, frame in contenders.items():
            begun = time.monotonic()
            frame().write.format("noop").mode("overwrite").save()
            if turn:
                seconds[name].append(time.monotonic() - begun)
    gigabytes = Path(log).stat().st_size / 1e9
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{master}, {gigabytes:.2f} GB, median of {rounds}")
    for name, median in medians.items():
        peer = medians.get(f"{name}, Spark's JSON")
        ratio = f"  {peer / median:.2f} x" if peer else ""
        print(f"{name:32} {median / gigabytes:6.2f} s/GB{ratio}")


main(*sys.argv[1:])

"""A Spark of two workers. These tests have an environment of their own."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from nhn_cloudtrail.spark import CloudTrailDataSource

REPOSITORY = Path(__file__).parents[3]


def session(folder: Path) -> SparkSession:
    """A session that leaves nothing in the folder where the tests are run."""
    # Workers are the interpreter that has the package.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder: Any = SparkSession.builder
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "3g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        # Workers that are sent much while they give much have been seen to wait for ever over TCP.
        "spark.python.unix.domain.socket.enabled": "true",
        # Times must not depend on it.
        "spark.sql.session.timeZone": "Asia/Seoul",
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark: SparkSession = builder.master("local[2]").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark.dataSource.register(CloudTrailDataSource)
    return spark


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    folder = tmp_path_factory.mktemp("spark")
    spark = session(folder)
    yield spark
    spark.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def logs() -> Path:
    """The sample logs, of every shape."""
    return REPOSITORY / "examples" / "logs"

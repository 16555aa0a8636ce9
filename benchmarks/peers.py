"""One contender in Python, once: `peers.py CONTENDER FILE THREADS` prints how long it took, what it
found and how much memory it needed, as one line of JSON. `cargo xtask bench` runs it, a fresh
process each time. Imports are not counted; reading the file is.
"""

import gzip
import json
import os
import sys
import time

CONTENDER, FILE, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # It is read at import.
OUT = FILE + ".out.parquet"

TEXT = ["eventTime", "eventId", "eventSourceType", "userIdNo", "userId", "userName", "userIp", "userAgent", "productId", "region", "orgId", "projectId", "projectName", "appKey", "tenantId", "eventLogUuid", "request", "response"]
MEMBER = ["idNo", "name", "userCode", "emailAddress"]
# What repeats, and is a dictionary in our table.
CATEGORIES = [name for name in TEXT[1:] if name not in ("eventLogUuid", "request", "response")]
THREE = ["eventTime", "eventId", "userId"]


def polars_frame():
    import polars as pl

    member = pl.Struct({name: pl.String for name in MEMBER})
    schema = {name: pl.String for name in TEXT}
    schema["eventTarget"] = pl.Struct({"targetMembers": pl.List(member)})
    return pl.scan_ndjson(FILE, schema=schema)


def polars_times():
    import polars as pl

    time_format = "%Y-%m-%dT%H:%M:%S%.3f%z"
    return pl.col("eventTime").str.to_datetime(
        time_format, time_unit="ms", time_zone="UTC", strict=False
    )


def polars_text():
    frame = polars_frame()
    return frame.collect


def polars_typed():
    import polars as pl

    frame = polars_frame().with_columns(polars_times(), pl.col(CATEGORIES).cast(pl.Categorical))
    return frame.collect


def polars_columns():
    frame = polars_frame().select(THREE)
    return frame.collect


def polars_parquet():
    frame = polars_frame().with_columns(polars_times())
    return lambda: frame.sink_parquet(OUT, compression="zstd")


def duckdb_query(columns="*", time_type="TIMESTAMPTZ"):
    import duckdb

    member = ", ".join(f'"{name}" VARCHAR' for name in MEMBER)
    types = dict.fromkeys(TEXT, "VARCHAR")
    types["eventTime"] = time_type
    types["eventTarget"] = f"STRUCT(targetMembers STRUCT({member})[])"
    connection = duckdb.connect(config={"threads": THREADS})
    connection.execute("SET enable_progress_bar = false")
    query = f"""SELECT {columns} FROM read_json('{FILE}', format = 'newline_delimited',
        timestampformat = '%Y-%m-%dT%H:%M:%S.%g%z', columns = {types})"""
    return connection, query


def duckdb_text():
    connection, query = duckdb_query(time_type="VARCHAR")
    return lambda: connection.sql(query).to_arrow_table()


def duckdb_typed():
    connection, query = duckdb_query()
    return lambda: connection.sql(query).to_arrow_table()


def duckdb_columns():
    connection, query = duckdb_query(columns=", ".join(THREE))
    return lambda: connection.sql(query).to_arrow_table()


def duckdb_batches():
    connection, query = duckdb_query()
    return lambda: sum(batch.num_rows for batch in connection.sql(query).to_arrow_reader(8192))


def duckdb_parquet():
    connection, query = duckdb_query()
    copy = f"COPY ({query}) TO '{OUT}' (FORMAT parquet, COMPRESSION zstd)"
    return lambda: connection.execute(copy)


def pyarrow_text():
    import pyarrow as pa
    from pyarrow import json as reader

    pa.set_cpu_count(THREADS)
    text = pa.string()
    member = pa.struct([(name, text) for name in MEMBER])
    fields = [(name, text) for name in TEXT]
    fields.append(("eventTarget", pa.struct([("targetMembers", pa.list_(member))])))
    options = reader.ParseOptions(explicit_schema=pa.schema(fields))
    return lambda: reader.read_json(FILE, parse_options=options)


def gzip_orjson():
    import orjson

    def read():
        with gzip.open(FILE) as lines:
            return [orjson.loads(line) for line in lines]

    return read


def log():
    with open(FILE, "rb") as file:
        return file.read()


def orjson_objects():
    import orjson

    text = log()
    return lambda: [orjson.loads(line) for line in text.splitlines()]


def msgspec_objects():
    import msgspec

    maybe = str | None
    member = msgspec.defstruct("Member", [(name, maybe, None) for name in MEMBER], gc=False)
    target = msgspec.defstruct("Target", [("targetMembers", list[member] | None, None)], gc=False)
    fields = [(name, maybe, None) for name in TEXT] + [("eventTarget", target | None, None)]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Record", fields, gc=False))
    text = log()
    return lambda: decoder.decode_lines(text)


def ours_objects():
    import nhn_cloudtrail

    text = log()
    return lambda: nhn_cloudtrail.parse(text)


def reading(objects, fields):
    """Objects that are kept, and of which fields are read, each by its expression."""
    code = "def read(made):\n    for one in made:\n" + "".join(
        f"        {field}\n" for field in fields
    )
    scope = {}
    exec(code, scope)

    def begin():
        make = objects()

        def work():
            made = make()
            scope["read"](made)
            return made

        return work

    return begin


def by_key(names):
    return [f"one.get({name!r})" for name in names]


def by_attribute(names):
    return [f"one.{name}" for name in names]


def snake(names):
    return ["".join("_" + c.lower() if c.isupper() else c for c in name) for name in names]


ALL = [*TEXT, "eventTarget"]
OUR_ALL = [*snake(TEXT), "target_members"]


def ours_table():
    import nhn_cloudtrail

    return lambda: nhn_cloudtrail.read_table(FILE, threads=THREADS)


def ours_columns():
    import nhn_cloudtrail

    return lambda: nhn_cloudtrail.read_table(FILE, threads=THREADS, columns=snake(THREE))


CONTENDERS = {
    "orjson-three": reading(orjson_objects, by_key(THREE)),
    "orjson-all": reading(orjson_objects, by_key(ALL)),
    "msgspec-three": reading(msgspec_objects, by_attribute(THREE)),
    "msgspec-all": reading(msgspec_objects, by_attribute(ALL)),
    "ours-three": reading(ours_objects, by_attribute(snake(THREE))),
    "ours-all": reading(ours_objects, by_attribute(OUR_ALL)),
    "ours-table": ours_table,
    "ours-columns": ours_columns,
    "polars": polars_text,
    "polars-typed": polars_typed,
    "polars-columns": polars_columns,
    "polars-parquet": polars_parquet,
    "duckdb": duckdb_text,
    "duckdb-typed": duckdb_typed,
    "duckdb-columns": duckdb_columns,
    "duckdb-batches": duckdb_batches,
    "duckdb-parquet": duckdb_parquet,
    "pyarrow": pyarrow_text,
    "gzip-orjson": gzip_orjson,
}


def peak_mb():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def look(made):
    """The rows, and the length of all event IDs together."""
    if CONTENDER.endswith("-parquet"):
        import pyarrow.parquet as pq

        found = {"rows": pq.read_metadata(OUT).num_rows, "bytes": os.path.getsize(OUT)}
        os.remove(OUT)
        return found
    if isinstance(made, int):
        return {"rows": made}
    if CONTENDER in ("ours-table", "ours-columns"):
        import pyarrow as pa

        ids = pa.table(made)["event_id"].to_pylist()
    elif isinstance(made, list):
        name = "event_id" if CONTENDER.startswith("ours") else "eventId"
        is_dict = isinstance(made[0], dict)
        ids = [record[name] if is_dict else getattr(record, name) for record in made]
    else:
        ids = made["eventId"]
        ids = ids.to_list() if CONTENDER.startswith("polars") else ids.to_pylist()
    return {"rows": len(ids), "check": sum(len(id.encode()) for id in ids)}


def main():
    work = CONTENDERS[CONTENDER]()
    start = time.perf_counter()
    made = work()
    outcome = {"seconds": time.perf_counter() - start, "peak_mb": peak_mb()}
    print(json.dumps(outcome | look(made)))


main()

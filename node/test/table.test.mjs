// Tables, as apache-arrow reads them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { catalog, parse, read, readTable, SCHEMA_VERSION, Table, VERSION } from "nhn-cloudtrail";
import { all, failure, folder, lines, numbered, ours, pieces, settled } from "./support.mjs";

const COLUMNS = {
  event_time: "Timestamp<MILLISECOND, UTC>",
  event_id: "Dictionary<Int32, Utf8>",
  event_name: "Dictionary<Int32, Utf8>",
  service: "Dictionary<Int32, Utf8>",
  resource: "Dictionary<Int32, Utf8>",
  verb: "Dictionary<Int32, Utf8>",
  kind: "Dictionary<Int32, Utf8>",
  phase: "Dictionary<Int32, Utf8>",
  outcome: "Dictionary<Int32, Utf8>",
  result_code: "Dictionary<Int32, Utf8>",
  result_message: "Dictionary<Int32, Utf8>",
  event_source_type: "Dictionary<Int32, Utf8>",
  user_id: "Dictionary<Int32, Utf8>",
  user_name: "Dictionary<Int32, Utf8>",
  user_id_no: "Dictionary<Int32, Utf8>",
  user_ip: "Dictionary<Int32, Utf8>",
  user_agent: "Dictionary<Int32, Utf8>",
  region: "Dictionary<Int32, Utf8>",
  org_id: "Dictionary<Int32, Utf8>",
  project_id: "Dictionary<Int32, Utf8>",
  project_name: "Dictionary<Int32, Utf8>",
  product_id: "Dictionary<Int32, Utf8>",
  app_key: "Dictionary<Int32, Utf8>",
  tenant_id: "Dictionary<Int32, Utf8>",
  target_members: "List<Struct<{id_no:Utf8, name:Utf8, user_code:Utf8, email_address:Utf8}>>",
  event_log_uuid: "Utf8",
  request: "Utf8",
  response: "Utf8",
  extra: "Utf8",
  known: "Bool",
};
const ON_REQUEST = {
  raw: "Binary",
  source: "Dictionary<Int32, Utf8>",
  source_record: "Uint64",
};

const RECORDS = [
  {
    eventLogUuid: "1",
    eventTime: "2026-03-01T09:00:00.123+0900",
    eventId: "event_id.iaas.instance.create",
    userName: "김철수",
    response: '{"header":{"isSuccessful":true}}',
    eventTarget: { targetMembers: [{ idNo: "m-1", name: "이" }] },
    team: "운영",
  },
  { eventLogUuid: "2", eventId: "event_id.iaas.instance.delete", userName: "lee" },
  { eventLogUuid: "3", eventId: "no.such.thing", userName: "😀".repeat(100) },
  {},
];
const TEXT = lines(...RECORDS);

const typesOf = (table) =>
  Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));
const column = (table, name) => [...table.getChild(name)];

describe("columns", () => {
  test("all but those on request, in their order, with their types", async () => {
    const table = tableFromIPC(await readTable(TEXT));
    assert.deepEqual(typesOf(table), COLUMNS);
    assert.deepEqual(Object.keys(typesOf(table)), Object.keys(COLUMNS));
    assert.equal(table.numRows, RECORDS.length);
  });

  test("hold what events say", async () => {
    const table = tableFromIPC(await readTable(TEXT));
    const flat = parse(TEXT).map((event) => event.toJSON());
    const of = (name) => column(table, name);
    assert.deepEqual(
      of("event_id"),
      flat.map(({ eventId }) => eventId),
    );
    assert.deepEqual(
      of("event_name"),
      flat.map(({ eventName }) => eventName),
    );
    assert.deepEqual(
      of("kind"),
      flat.map(({ kind }) => kind),
    );
    assert.deepEqual(
      of("outcome"),
      flat.map(({ outcome }) => outcome),
    );
    assert.deepEqual(
      of("user_name"),
      flat.map(({ userName }) => userName),
    );
    assert.deepEqual(
      of("known"),
      flat.map(({ known }) => known),
    );
    assert.deepEqual(of("extra"), ['{"team":"운영"}', null, null, null]);
    assert.equal(Number(of("event_time")[0]), Date.UTC(2026, 2, 1, 0, 0, 0, 123));
    assert.equal(of("event_time")[1], null);
    const [members, none] = of("target_members");
    assert.deepEqual(
      [...members].map((member) => member.toJSON()),
      [{ id_no: "m-1", name: "이", user_code: null, email_address: null }],
    );
    assert.equal(none, null);
  });

  test("those that are asked for, in the order that they are asked for", async () => {
    const columns = ["known", "source_record", "event_id", "raw", "source"];
    const table = tableFromIPC(await readTable(TEXT, { columns }));
    const types = { ...COLUMNS, ...ON_REQUEST };
    assert.deepEqual(
      Object.entries(typesOf(table)),
      columns.map((name) => [name, types[name]]),
    );
    assert.deepEqual(column(table, "source_record"), [1n, 2n, 3n, 4n]);
    assert.deepEqual(column(table, "source"), [null, null, null, null]);
    assert.deepEqual(
      column(table, "raw").map((raw) => Buffer.from(raw).toString()),
      RECORDS.map((record) => JSON.stringify(record)),
    );
  });

  test("the source is the path", async (t) => {
    const path = join(folder(t, { "a.log": TEXT }), "a.log");
    const table = tableFromIPC(await readTable(path, { columns: ["source"] }));
    assert.deepEqual(
      column(table, "source"),
      RECORDS.map(() => path),
    );
  });

  test("names are in the language that is asked for; columns are not", async () => {
    for (const lang of ["ko", "en", "ja"]) {
      const table = tableFromIPC(await readTable(TEXT, { lang }));
      assert.equal(column(table, "event_name")[0], catalog.get(RECORDS[0].eventId).name(lang));
      assert.deepEqual(typesOf(table), COLUMNS);
    }
  });

  test("no rows are a table, too", async () => {
    for (const source of [new Uint8Array(), TEXT]) {
      const made = await readTable(source, { kind: "authenticate" });
      const table = tableFromIPC(made);
      assert.equal(made.rows, 0);
      assert.equal(table.numRows, 0);
      assert.deepEqual(typesOf(table), COLUMNS);
    }
  });
});

test("the schema says what the table was made with", async () => {
  const { metadata } = tableFromIPC(await readTable(TEXT, { lang: "ja" })).schema;
  assert.deepEqual(Object.fromEntries(metadata), {
    "nhn_cloudtrail.version": VERSION,
    "nhn_cloudtrail.schema_version": SCHEMA_VERSION,
    "nhn_cloudtrail.catalog_version": catalog.version,
    "nhn_cloudtrail.lang": "ja",
  });
});

describe("a table is bytes", () => {
  test("of Arrow IPC, with counts beside them", async () => {
    const table = await readTable(TEXT);
    assert.ok(table instanceof Table);
    assert.ok(table instanceof Uint8Array);
    assert.ok(ArrayBuffer.isView(table));
    assert.equal(table.rows, RECORDS.length);
    assert.equal(table.stats.events, RECORDS.length);
    assert.deepEqual([table.rejects, table.errors], [[], []]);
    assert.deepEqual(Object.keys(table).slice(-1), [String(table.length - 1)]);
    assert.equal(tableFromIPC(Buffer.from(table)).numRows, RECORDS.length);
    assert.equal(tableFromIPC(structuredClone(new Uint8Array(table))).numRows, RECORDS.length);
  });

  test("a part of which is bytes, and no table", async () => {
    const table = await readTable(TEXT);
    for (const part of [table.subarray(0, 4), table.slice(0, 4), table.map((byte) => byte)]) {
      assert.equal(part.constructor, Uint8Array);
      assert.ok(!("rows" in part));
    }
    assert.deepEqual([...table.subarray(0, 4)], [...Buffer.from(table).subarray(0, 4)]);
  });

  test("that can be copied to elsewhere", async () => {
    const table = await readTable(TEXT);
    assert.equal(tableFromIPC(structuredClone(table)).numRows, RECORDS.length);
  });
});

describe("threads and sources", () => {
  const large = lines(
    ...Array.from({ length: 5000 }, (_, index) => ({
      ...RECORDS[index % 3],
      eventLogUuid: `${index}`,
    })),
  );

  test("the table is the same for any number of threads", async (t) => {
    const path = folder(t, { "a.log": large, "b.log.gz": gzipSync(large), "c.log": TEXT });
    const options = { columns: ["event_log_uuid", "event_name", "source", "source_record"] };
    const rows = async (threads) => {
      const made = await readTable(path, { ...options, threads });
      const table = tableFromIPC(made);
      assert.equal(made.rows, 10_004);
      return options.columns.map((name) => column(table, name));
    };
    const expected = await rows(1);
    for (const threads of [0, 2, 5]) {
      assert.deepEqual(await rows(threads), expected);
    }
  });

  test("of every kind", async (t) => {
    const path = join(folder(t, { "a.log": large }), "a.log");
    const expected = column(tableFromIPC(await readTable(large)), "event_log_uuid");
    const sources = {
      path,
      paths: [path],
      URL: pathToFileURL(path),
      ArrayBuffer: new Uint8Array(large).buffer,
      Blob: new Blob([large]),
      generator: pieces(large, 777),
      Readable: Readable.from(pieces(large, 777)),
      "web stream": Readable.toWeb(Readable.from(pieces(large, 777))),
      gzip: gzipSync(large),
    };
    for (const [name, source] of Object.entries(sources)) {
      const table = tableFromIPC(await readTable(source));
      assert.deepEqual(column(table, "event_log_uuid"), expected, name);
    }
  });

  test("several at once", async () => {
    const tables = await Promise.all(Array.from({ length: 8 }, () => readTable(large)));
    assert.deepEqual(new Set(tables.map(({ rows }) => rows)), new Set([5000]));
  });

  test("what becomes of the input changes nothing", async () => {
    const bytes = new Uint8Array(large);
    const making = readTable(bytes);
    bytes.fill(0x20);
    assert.equal((await making).rows, 5000);
  });
});

test("filters", async () => {
  const table = await readTable(TEXT, { event: "*.delete", columns: ["event_log_uuid"] });
  assert.deepEqual(column(tableFromIPC(table), "event_log_uuid"), ["2"]);
  assert.equal(table.stats.filtered, 3);
});

describe("what cannot be read", () => {
  const text = lines({ eventLogUuid: "1" }, "broken", { eventLogUuid: "3" });

  test("is thrown", async () => {
    await assert.rejects(readTable(text), ours("INVALID_JSON", { record: 2, line: 2, byte: 21 }));
  });

  test("is left out", async () => {
    const table = await readTable(text, { onError: "skip" });
    assert.equal(table.rows, 2);
    assert.equal(table.stats.rejects, 1);
    assert.deepEqual(table.rejects, []);
  });

  test("is kept, in the order of the sources", async (t) => {
    const path = folder(t, { "a.log": text, "b.log": "no log", "c.log": text });
    for (const threads of [1, 4]) {
      const table = await readTable(path, { onError: "collect", threads });
      assert.equal(table.rows, 4);
      assert.deepEqual(
        table.rejects.map(({ position, code, raw }) => [
          position,
          code,
          Buffer.from(raw).toString(),
        ]),
        ["a.log", "c.log"].map((name) => [
          { source: join(path, name), record: 2, line: 2, byte: 21 },
          "INVALID_JSON",
          "broken",
        ]),
      );
      assert.equal(table.errors.length, 1);
      ours("NOT_A_LOG", { source: join(path, "b.log") })(table.errors[0]);
    }
  });

  test("is what a reader has of it", async () => {
    const reader = read(text, { onError: "collect" });
    await all(reader);
    const table = await readTable(text, { onError: "collect" });
    assert.deepEqual(table.rejects, reader.rejects);
  });
});

describe("AbortSignal", () => {
  const reason = { my: "reason" };

  test("before", async () => {
    let pulled = 0;
    function* source() {
      pulled += 1;
      yield TEXT;
    }
    const signal = AbortSignal.abort(reason);
    for (const one of ["/nowhere", TEXT, source()]) {
      assert.equal(await failure(readTable(one, { signal })), reason);
    }
    assert.equal(pulled, 0);
  });

  test("during", async () => {
    const text = numbered(0, 1_000_000);
    for (const wait of [0, 1, 20]) {
      const stop = new AbortController();
      const making = failure(readTable(text, { signal: stop.signal, threads: 1 }));
      await setTimeout(wait);
      stop.abort(reason);
      assert.equal(await making, reason);
    }
  });

  test("between the pieces of a stream, which is closed", async () => {
    const stop = new AbortController();
    let closed = 0;
    async function* source() {
      try {
        for (;;) {
          yield TEXT;
          await setTimeout(1);
        }
      } finally {
        closed += 1;
      }
    }
    const making = failure(readTable(source(), { signal: stop.signal }));
    await setTimeout(20);
    stop.abort(reason);
    assert.equal(await making, reason);
    // It is not waited for: it may never come back.
    await setTimeout(50);
    assert.equal(closed, 1);
  });

  test("on a stalled stream", async () => {
    const stop = new AbortController();
    const making = readTable(new Readable({ read() {} }), { signal: stop.signal });
    await setTimeout(20);
    stop.abort(reason);
    assert.equal(await failure(settled(making)), reason);
  });

  test("after the end", async () => {
    const stop = new AbortController();
    const table = await readTable(TEXT, { signal: stop.signal });
    stop.abort(reason);
    assert.equal(tableFromIPC(table).numRows, RECORDS.length);
  });
});

test("abort does not wait for a source that gives nothing", async (t) => {
  const pipe = join(folder(t), "pipe");
  execFileSync("mkfifo", [pipe]);
  const signal = AbortSignal.timeout(50);
  await assert.rejects(readTable(pipe, { signal }), (error) => error === signal.reason);
  // Who waits for it comes back when somebody could write, and may be gone before anybody does.
  closeSync(openSync(pipe, "w"));
});

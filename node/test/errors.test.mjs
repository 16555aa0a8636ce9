// Errors: one class with stable codes, alike in whatever way they reach the user.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { CloudTrailError, catalog, eventStream, parse, read, readTable } from "nhn-cloudtrail";
import { all, failure, folder, isLinux, lines, numbered, ours, pieces, ROOT } from "./support.mjs";

const native = createRequire(import.meta.url)("../native.js");

test("every code has its name in TypeScript, and no other name is there", () => {
  const source = readFileSync(join(ROOT, "node/src/errors.ts"), "utf8");
  const [, union] = source.match(/export type ErrorCode =([^;]+);/);
  const names = [...union.matchAll(/"([A-Z0-9_]+)"/g)].map(([, name]) => name);
  assert.ok(names.length > 10);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(names.toSorted(), native.names().codes.toSorted());
});

describe("CloudTrailError", () => {
  const error = new CloudTrailError("what", {
    code: "TRUNCATED",
    source: "a.log",
    record: 1,
    line: 2,
    byte: 0,
    field: "eventTarget",
    cause: 7,
  });

  test("has what it is made of", () => {
    const { name, message, code, source, record, line, byte, field, cause } = error;
    assert.deepEqual(
      [name, message, code, source],
      ["CloudTrailError", "what", "TRUNCATED", "a.log"],
    );
    assert.deepEqual([record, line, byte, field, cause], [1, 2, 0, "eventTarget", 7]);
    assert.ok(error instanceof Error);
    assert.match(error.stack, /^CloudTrailError: what\n/);
    assert.match(inspect(error), /code: 'TRUNCATED'/);
  });

  test("has null for what it is not made of", () => {
    const { source, record, line, byte, field, ...rest } = new CloudTrailError("x", { code: "IO" });
    assert.deepEqual([source, record, line, byte, field], [null, null, null, null, null]);
    assert.deepEqual(rest, { code: "IO" });
    assert.ok(!("cause" in new CloudTrailError("x", { code: "IO" })));
  });
});

/** The errors of bytes, in every way that there is of reading them. */
async function errorsOf(t, bytes, { onError, ...options } = {}) {
  const path = folder(t, { "input.log": bytes });
  const file = join(path, "input.log");
  const stream = () => Readable.from(pieces(bytes, 5));
  const drain = async (events) => void (await all(events));
  return {
    parse: await failure(() => parse(bytes, options)),
    "read bytes": await failure(all(read(bytes, options))),
    "read a path": await failure(all(read(file, options))),
    "read a stream": await failure(all(read(stream(), options))),
    "read a web stream": await failure(all(read(Readable.toWeb(stream()), options))),
    eventStream: await failure(pipeline(stream(), eventStream(options), drain)),
    "readTable of bytes": await failure(readTable(bytes, options)),
    "readTable of a path": await failure(readTable(file, options)),
    "readTable of a stream": await failure(readTable(stream(), options)),
  };
}

describe("are alike in every way of reading", () => {
  const good = '{"eventLogUuid":"1"}';
  const after = { record: 2, line: 2, byte: 21 };
  const nowhere = { record: null, line: null, byte: null };
  const WRONG = [
    ["INVALID_JSON", lines(good, '{"a":}'), after],
    ["INVALID_UTF8", Buffer.concat([lines(good), Buffer.from('{"a":"\xff"}\n', "latin1")]), after],
    ["NOT_AN_OBJECT", lines(good, "[1, 2]"), { record: 2 }],
    ["TRAILING_TEXT", lines(good, '{"a":1} and more'), after],
    ["TRUNCATED", Buffer.from(`${good}\n{"a":`), after],
    [
      "RECORD_TOO_LARGE",
      lines(good, { a: "x".repeat(99) }),
      after,
      { limits: { recordBytes: 50 } },
    ],
    ["RECORD_TOO_DEEP", lines(good, { a: { b: { c: 1 } } }), after, { limits: { depth: 2 } }],
    ["NOT_A_LOG", Buffer.from("no log at all\n"), nowhere],
    ["API_FAILURE", Buffer.from('{"header":{"isSuccessful":false,"resultCode":401}}'), {}],
    ["BAD_COMPRESSION", gzipSync(numbered(0, 999)).subarray(0, 500), {}],
  ];
  for (const [code, bytes, place, options] of WRONG) {
    test(code, async (t) => {
      const errors = await errorsOf(t, bytes, options);
      const [{ record, line, byte }] = Object.values(errors);
      assert.deepEqual({ record, line, byte, ...place }, { record, line, byte });
      for (const [way, error] of Object.entries(errors)) {
        ours(code, { record, line, byte, field: null })(error);
        if (way.endsWith("path")) {
          assert.match(error.source, /input\.log$/);
          assert.ok(error.message.startsWith(error.source), error.message);
        } else {
          assert.equal(error.source, null, way);
          assert.ok(error.message.startsWith("input"), error.message);
        }
      }
    });
  }

  test("a path that there is not", async (t) => {
    const path = join(folder(t), "nothing.log");
    for (const error of [await failure(all(read(path))), await failure(readTable(path))]) {
      ours("NOT_FOUND", { source: path, record: null, line: null, byte: null })(error);
      assert.ok(error.message.startsWith(`${path}: `));
    }
  });

  test("a file that cannot be read", { skip: !isLinux }, async () => {
    const path = "/proc/self/mem";
    await assert.rejects(all(read(path)), ours("IO", { source: path }));
    await assert.rejects(readTable(path), ours("IO", { source: path }));
  });

  test("a folder and a glob with nothing in them", async (t) => {
    const path = folder(t);
    for (const source of [path, join(path, "*.log")]) {
      await assert.rejects(all(read(source)), ours("NOT_FOUND", { source }));
      await assert.rejects(readTable(source), ours("NOT_FOUND", { source }));
    }
  });

  test("a Parquet file that is none", async (t) => {
    const path = join(folder(t, { "x.parquet": "PAR1 and nothing PAR1" }), "x.parquet");
    await assert.rejects(all(read(path)), ours("INVALID_TABLE", { source: path }));
    await assert.rejects(readTable(path), ours("INVALID_TABLE", { source: path }));
  });

  test("an overlay", () => {
    assert.throws(
      () => catalog.withOverlay("event_id\tnope\n"),
      ours("INVALID_OVERLAY", { line: 1 }),
    );
  });
});

describe("messages", () => {
  test("say how to go on", async (t) => {
    const errors = await errorsOf(t, lines({ eventLogUuid: "1" }, "broken"));
    for (const [way, { message }] of Object.entries(errors)) {
      assert.ok(message.includes('onError: "skip" leaves such records out'), `${way}: ${message}`);
      assert.match(message, /line 2 \(record 2, byte 21\)/);
    }
  });

  test("that say how to go on are right", async () => {
    const text = lines({ eventLogUuid: "1" }, "broken");
    assert.equal(parse(text, { onError: "skip" }).length, 1);
    assert.equal((await all(read(text, { onError: "skip" }))).length, 1);
  });

  test("get no control character of the input into a terminal", async (t) => {
    const hostile = "\u001b[31m\u0007";
    const path = folder(t, { [`a${hostile}.log`]: lines({ request: "{" }) });
    const [event] = await all(read(path));
    const errors = [
      await failure(() => parse(`${hostile} no log`)),
      await failure(() => parse("{}", { kind: hostile })),
      await failure(() => parse("{}", { [hostile]: 1 })),
      await failure(() => parse("{}", { lang: hostile })),
      await failure(readTable("x", { columns: [hostile] })),
      await failure(all(read(join(path, hostile)))),
      await failure(() => catalog.withOverlay(`${hostile}\n`)),
      await failure(() => event.requestJson),
    ];
    for (const { message } of errors) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what this is about
      assert.doesNotMatch(message, /[\x00-\x1f\x7f-\x9f]/);
    }
  });
});

describe("a fault of the library", () => {
  test("is an error, and nothing else", () => {
    assert.throws(() => native.panic(), ours("PANIC", { source: null, record: null }));
    assert.throws(() => native.panic(), /report it/);
    assert.equal(parse('{"eventId":"a"}').length, 1);
  });
});

describe("errors of a user's source come out as they are", () => {
  const FAILURES = [
    new Error("mine"),
    new TypeError("typed"),
    "text",
    0,
    null,
    undefined,
    { a: 1 },
  ];
  for (const mine of FAILURES) {
    test(inspect(mine, { compact: true, depth: 0 }).split("\n")[0], async () => {
      async function* later() {
        yield numbered(0, 3);
        throw mine;
      }
      function* atOnce() {
        yield numbered(0, 3);
        throw mine;
      }
      for (const source of [later, atOnce]) {
        for (const onError of ["raise", "skip", "collect"]) {
          const reader = read(source(), { onError });
          // What stands before it is given first.
          for (const number of ["0", "1", "2"]) {
            assert.equal((await reader.next()).value.eventLogUuid, number);
          }
          assert.equal(await failure(reader.next()), mine);
          assert.deepEqual(await reader.next(), { done: true, value: undefined });
        }
        assert.equal(await failure(readTable(source())), mine);
      }
    });
  }

  test("of a stream", async () => {
    const mine = new Error("mine");
    async function* source() {
      yield numbered(0, 3);
      throw mine;
    }
    assert.equal(await failure(all(read(Readable.from(source())))), mine);
    assert.equal(await failure(all(read(Readable.toWeb(Readable.from(source()))))), mine);
    assert.equal(await failure(pipeline(source, eventStream(), all)), mine);
  });

  test("of a record that is cut by it, too", async () => {
    const mine = new Error("mine");
    async function* source() {
      yield Buffer.concat([numbered(0, 1), Buffer.from('{"eventId":"a')]);
      throw mine;
    }
    const reader = read(source());
    assert.equal((await reader.next()).value.eventLogUuid, "0");
    assert.equal(await failure(reader.next()), mine);
  });

  test("of a stream that is destroyed without one", async () => {
    const stream = new Readable({ read() {} });
    stream.push(numbered(0, 3));
    const reader = read(stream);
    await reader.next();
    const rest = failure(all(reader));
    stream.destroy();
    assert.equal((await rest).code, "ERR_STREAM_PREMATURE_CLOSE");
  });
});

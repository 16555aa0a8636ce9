// The golden cases of tests/cases, in every way that Node has of reading them.
import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { tableFromIPC } from "apache-arrow";
import { CloudTrailError, eventStream, parse, read, readTable } from "nhn-cloudtrail";
import { all, cases, pieces, snakeCase } from "./support.mjs";

for (const one of cases()) {
  const expected = one.expected();

  describe(one.name, () => {
    test("read", async () => {
      assert.deepEqual(await one.outcome(read(one.input, one.options)), expected);
    });

    test("messages say what they must", async () => {
      const reader = read(one.input, one.options);
      await all(reader);
      for (const [index, { contains = [] }] of one.json("error.json").entries()) {
        for (const words of contains) {
          assert.ok(reader.errors[index].message.includes(words), reader.errors[index].message);
        }
      }
    });

    test("readTable", async () => {
      const options = one.columns ? { ...one.options, columns: one.columns } : one.options;
      const table = await readTable(one.input, options);
      assert.equal(table.rows, expected.events.length);
      assert.deepEqual(snakeCase(table.stats), expected.counts);
      assert.deepEqual(
        table.rejects.map((reject) => one.reject(reject)),
        expected.rejects,
      );
      const rows = tableFromIPC(table);
      assert.equal(rows.numRows, expected.events.length);
      const columns = rows.schema.fields.map((field) => field.name);
      for (const [index, event] of expected.events.entries()) {
        const row = Object.fromEntries(
          columns.map((name) => [name, cell(name, rows.getChild(name).get(index))]),
        );
        assert.deepEqual(row, event);
      }
    });

    if (!one.isFile) {
      return;
    }
    const bytes = readFileSync(one.input);

    test("read bytes", async () => {
      assert.deepEqual(await one.outcome(read(bytes, one.options)), expected);
    });

    test("read a stream of Node", async () => {
      const stream = createReadStream(one.input, { highWaterMark: 100 });
      assert.deepEqual(await one.outcome(read(stream, one.options)), expected);
    });

    test("read a web stream", async () => {
      const stream = Readable.toWeb(Readable.from(pieces(bytes, 1000)));
      assert.deepEqual(await one.outcome(read(stream, one.options)), expected);
    });

    test("read pieces", async () => {
      assert.deepEqual(await one.outcome(read(pieces(bytes, 7), one.options)), expected);
    });

    test("eventStream", async () => {
      const stream = Readable.from(pieces(bytes, 50)).pipe(eventStream(one.options));
      assert.deepEqual(await one.outcome(stream), expected);
    });

    test("parse", () => {
      const { onError, ...options } = one.options;
      if (expected.errors.length > 0 || expected.rejects.length > 0) {
        const code = expected.errors[0]?.code ?? expected.rejects[0].code;
        assert.throws(
          () => parse(bytes, options),
          (error) => error instanceof CloudTrailError && error.code === code,
        );
      }
      if (expected.errors.length === 0) {
        const events = parse(bytes, { ...options, onError: "skip" });
        assert.deepEqual(
          events.map((event) => one.flat(event)),
          expected.events,
        );
        assert.deepEqual(
          events.map((event) => one.detail(event)),
          expected.details,
        );
        assert.deepEqual(
          events.map((event) => one.detail(event.detach())),
          expected.details,
        );
      }
    });
  });
}

/** A cell of an Arrow table as the flat form has it. */
function cell(name, value) {
  if (value === null) {
    return null;
  }
  switch (name) {
    case "event_time":
      return new Date(Number(value)).toISOString();
    case "target_members":
      return [...value].map((member) => member.toJSON());
    case "extra":
      return JSON.parse(value);
    case "raw":
      return Buffer.from(value).toString();
    case "source_record":
      return Number(value);
    default:
      return value;
  }
}

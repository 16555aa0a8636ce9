// Worker threads: each has the package to itself, and may end at any time.
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { catalog, parse, read, readTable } from "nhn-cloudtrail";
import { all, folder, isLinux, lines, numbered, openBelow, settled, worker } from "./support.mjs";

const TEXT = lines(
  ...Array.from({ length: 500 }, (_, index) => ({
    eventLogUuid: String(index),
    eventId: catalog.keys()[index * 4],
    userName: `사용자 ${index % 7} 😀`,
    request: "x".repeat(index),
    response: `{"header":{"isSuccessful":${index % 2 === 0}}}`,
  })),
);

/** What all ways of reading say. */
async function work({ parse, read, readTable, catalog }, port, path, text) {
  const flat = (events) => events.map((event) => ({ ...event.toJSON(), key: event.key }));
  const streamed = [];
  for await (const event of read(path, { lang: "en" })) {
    streamed.push(event);
  }
  const table = await readTable(path);
  port?.postMessage({ half: true });
  return {
    parsed: flat(parse(text)),
    streamed: flat(streamed),
    rows: table.rows,
    entry: catalog.get("event_id.iaas.instance.create").name("ja"),
  };
}

/** The last message of a worker that then ends by itself. */
async function resultOf(thread) {
  const messages = [];
  thread.on("message", (message) => messages.push(message));
  const [code] = await settled(once(thread, "exit"));
  assert.equal(code, 0);
  return messages.at(-1);
}

test("results are the main thread's", async (t) => {
  const path = join(folder(t, { "a.log.gz": gzipSync(TEXT) }), "a.log.gz");
  const expected = await work({ parse, read, readTable, catalog }, null, path, TEXT.toString());
  assert.equal(expected.parsed.length, 500);
  assert.deepEqual(await resultOf(worker(work, path, TEXT.toString())), expected);
});

test("several at once, beside the main thread", async (t) => {
  const path = join(folder(t, { "a.log": TEXT }), "a.log");
  const text = TEXT.toString();
  const threads = Array.from({ length: 6 }, () => resultOf(worker(work, path, text)));
  const expected = await work({ parse, read, readTable, catalog }, null, path, text);
  for (const result of await Promise.all(threads)) {
    assert.deepEqual(result, expected);
  }
});

test("one after the other", async (t) => {
  const path = join(folder(t, { "a.log": TEXT }), "a.log");
  for (let count = 0; count < 10; count += 1) {
    const { rows } = await resultOf(worker(work, path, TEXT.toString()));
    assert.equal(rows, 500);
  }
});

test("errors are of the worker's own class", async () => {
  const result = await resultOf(
    worker(async ({ parse, read, CloudTrailError, Event }) => {
      const errors = [];
      const wrong = [
        () => parse("no log"),
        () => read("/nowhere").next(),
        () => parse("{}", { x: 1 }),
      ];
      for (const one of wrong) {
        try {
          await one();
        } catch (error) {
          errors.push([error instanceof CloudTrailError, error.code]);
        }
      }
      return [errors, parse('{"eventId":"a"}')[0] instanceof Event];
    }),
  );
  assert.deepEqual(result, [
    [
      [true, "NOT_A_LOG"],
      [true, "NOT_FOUND"],
      [true, "INVALID_OPTION"],
    ],
    true,
  ]);
});

test("a panic in a worker is an error there", async () => {
  const result = await resultOf(
    worker(
      async (_package, _port, native) => {
        try {
          require(native).panic();
        } catch (error) {
          return [error.name, error.code];
        }
      },
      join(import.meta.dirname, "../native.js"),
    ),
  );
  assert.deepEqual(result, ["CloudTrailError", "PANIC"]);
});

describe("a worker that is terminated", () => {
  const WORK = {
    "in the midst of a file": async ({ read }, port, path) => {
      for (;;) {
        for await (const event of read(path)) {
          if (event.eventLogUuid === "1000") {
            port.postMessage("busy");
          }
        }
      }
    },
    "in the midst of many files": async ({ read }, port, path) => {
      const readers = Array.from({ length: 16 }, () => read(path));
      port.postMessage("busy");
      for (;;) {
        await Promise.all(readers.map((reader) => reader.next()));
      }
    },
    "in the midst of tables": async ({ readTable }, port, path) => {
      port.postMessage("busy");
      for (;;) {
        await Promise.all([readTable(path), readTable(path)]);
      }
    },
    "in the midst of a stream": async ({ read }, port) => {
      async function* source() {
        for (;;) {
          yield Buffer.from('{"eventLogUuid":"1"}\n'.repeat(1000));
        }
      }
      port.postMessage("busy");
      for await (const event of read(source())) {
        void event.eventId;
      }
    },
    "in the midst of parsing": async ({ parse }, port) => {
      const text = '{"eventLogUuid":"1","userName":"한"}\n'.repeat(10_000);
      port.postMessage("busy");
      for (;;) {
        parse(text).map((event) => event.userName);
      }
    },
    "with a read that nobody waits for": async ({ read, readTable }, port, path) => {
      void read(path).next();
      void readTable(path);
      port.postMessage("busy");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
  };
  for (const [name, job] of Object.entries(WORK)) {
    test(`${name}, harms nobody`, async (t) => {
      const path = join(folder(t, { "a.log": numbered(0, 100_000) }), "a.log");
      for (const wait of [0, 5, 50]) {
        const thread = worker(job, path);
        assert.equal((await settled(once(thread, "message")))[0], "busy");
        await setTimeout(wait);
        await settled(thread.terminate());
        assert.equal(parse(TEXT).length, 500);
      }
      assert.equal((await all(read(path))).length, 100_000);
      // What was under way in other threads may take a moment to be let go of.
      for (let times = 0; isLinux && openBelow(path) > 0 && times < 100; times += 1) {
        await setTimeout(50);
      }
      assert.equal(isLinux ? openBelow(path) : 0, 0);
    });
  }
});

test("a table can be handed to another thread", async () => {
  const bytes = await resultOf(
    worker(async ({ readTable }, _port, text) => readTable(Buffer.from(text)), TEXT.toString()),
  );
  assert.equal(tableFromIPC(bytes).numRows, 500);
});

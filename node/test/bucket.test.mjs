// Buckets as sources, with OpenStack Swift, which NHN Cloud runs.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { collect, read, readTable, verifyArchive } from "nhn-cloudtrail";
import { noSettings, noSwift, swift } from "./servers.mjs";
import { all, failure, folder, numbered, numbersOf, ours, settled, worker } from "./support.mjs";

before(noSettings);

/** Records with a number and a time, from `from` to before `to`. */
function timed(from, to) {
  const records = Array.from({ length: to - from }, (_, index) => {
    const eventTime = new Date(Date.UTC(2026, 0, 1) + (from + index) * 60_000).toISOString();
    return JSON.stringify({ eventLogUuid: String(from + index), eventTime });
  });
  return Buffer.from(`${records.join("\n")}\n`);
}

const upTo = (count) => Array.from({ length: count }, (_, number) => number);

describe("a bucket", { skip: noSwift }, () => {
  test("is read, all of it or what begins with a prefix", async (t) => {
    const { put, storage } = await swift(t);
    await put("logs/2026/a.jsonl.gz", gzipSync(numbered(0, 1000)));
    await put("logs/2026/b.jsonl", numbered(1000, 1500));
    await put("logs/2026/사용자 c.jsonl", numbered(1500, 1600));
    await put("other/d.jsonl", numbered(1600, 1700));
    const reader = read("s3://audit/logs/2026/", { storage });
    const events = await settled(all(reader));
    assert.deepEqual(numbersOf(events), upTo(1600));
    assert.equal(events[0].position.source, "s3://audit/logs/2026/a.jsonl.gz");
    assert.equal(events.at(-1).position.source, "s3://audit/logs/2026/사용자 c.jsonl");
    assert.ok(reader.bytesTotal > 0 && reader.bytesRead === reader.bytesTotal);
    assert.equal((await all(read("s3://audit", { storage }))).length, 1700);
    assert.equal((await all(read("s3://audit/logs/2026/b", { storage }))).length, 500);
    const local = join(folder(t, { "e.jsonl": numbered(1700, 1710) }), "e.jsonl");
    const both = read(["s3://audit/other/", local], { storage });
    assert.deepEqual(
      numbersOf(await all(both)),
      upTo(110).map((number) => number + 1600),
    );
    const table = await readTable("s3://audit/logs/", { storage, columns: ["source"] });
    assert.equal(table.rows, 1600);
  });

  test("is reached by the environment, too", async (t) => {
    const { put, storage } = await swift(t);
    await put("a.jsonl", numbered(0, 10));
    const error = await failure(all(read("s3://audit")));
    ours("INVALID_OPTION")(error);
    const settings = {
      NHN_CLOUDTRAIL_S3_ENDPOINT: storage.endpoint,
      AWS_REGION: storage.region,
      AWS_ACCESS_KEY_ID: storage.accessKeyId,
      AWS_SECRET_ACCESS_KEY: storage.secretAccessKey,
      NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY: storage.secretAccessKey,
    };
    Object.assign(process.env, settings);
    try {
      // Half a pair of ours is not made whole by that of other tools.
      ours("INVALID_OPTION")(await failure(all(read("s3://audit"))));
      delete process.env.NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY;
      assert.equal((await all(read("s3://audit"))).length, 10);
      assert.equal((await readTable(["s3://audit/a"])).rows, 10);
    } finally {
      for (const name of Object.keys(settings)) {
        delete process.env[name];
      }
    }
  });

  test("tells what is wrong with it, without its keys", async (t) => {
    const { put, storage } = await swift(t);
    await put("a.jsonl", numbered(0, 10));
    const secretAccessKey = "not-the-secret";
    const wrong = [
      ["s3://audit/nothing", storage, "NOT_FOUND"],
      ["s3://nobody", storage, "NOT_FOUND"],
      ["s3://", storage, "INVALID_OPTION"],
      ["s3://audit", { ...storage, secretAccessKey }, "REFUSED"],
    ];
    for (const [source, given, code] of wrong) {
      for (const way of [(...args) => all(read(...args)), readTable]) {
        const error = await failure(() => way(source, { storage: given }));
        ours(code)(error);
        assert.ok(!inspect(error).includes(secretAccessKey), inspect(error));
      }
    }
    assert.throws(() => read("s3://audit", { storage: { bucket: "a" } }), ours("INVALID_OPTION"));
    assert.throws(() => read("s3://audit", { storage: 7 }), ours("INVALID_OPTION"));
    assert.throws(() => read(new URL("s3://audit/a")), ours("INVALID_OPTION"));
  });

  test("of which one object cannot be read has others", async (t) => {
    const { put, storage } = await swift(t);
    await put("a.jsonl", numbered(0, 10));
    await put("b.jsonl", Buffer.from("no log\n"));
    await put("c.jsonl", numbered(10, 20));
    const reader = read("s3://audit", { storage, onError: "skip" });
    assert.deepEqual(numbersOf(await all(reader)), upTo(20));
    ours("NOT_A_LOG", { source: "s3://audit/b.jsonl" })(reader.errors[0]);
    const error = await failure(all(read("s3://audit", { storage })));
    assert.match(error.message, /onError: "skip" goes on at the next file/);
  });

  test("is left, and stopped, at once", async (t) => {
    const { put, storage } = await swift(t);
    await put("a.jsonl", numbered(0, 300_000));
    for await (const event of read("s3://audit", { storage })) {
      assert.equal(event.eventLogUuid, "0");
      break;
    }
    const reason = new Error("enough");
    const controller = new AbortController();
    const reader = read("s3://audit", { storage, signal: controller.signal });
    await reader.next();
    controller.abort(reason);
    assert.equal(await failure(all(reader)), reason);
  });

  test("is read in a worker that is terminated", async (t) => {
    const { put, storage } = await swift(t);
    await put("a.jsonl", numbered(0, 300_000));
    const thread = worker(
      async ({ read }, port, options) => {
        for await (const event of read("s3://audit", options)) {
          if (event.eventLogUuid === "5000") port.postMessage("begun");
        }
      },
      { storage },
    );
    await settled(new Promise((resolve) => thread.once("message", resolve)));
    await settled(thread.terminate());
  });

  test("is collected from, each object once", async (t) => {
    const { put, storage } = await swift(t);
    const into = join(folder(t), "archive");
    const options = { into, bucket: "s3://audit/logs/", storage };
    await put("logs/a.jsonl.gz", gzipSync(timed(0, 2000)));
    await put("logs/b.jsonl", timed(1990, 3000));
    const progress = [];
    const first = await collect({ ...options, onProgress: (now) => progress.push(now) });
    assert.deepEqual(
      [first.new, first.known, first.objects, first.requests, first.isComplete],
      [3000, 10, 2, 0, true],
    );
    assert.ok(progress.at(-1).total > 0);
    await put("logs/c.jsonl", timed(3000, 3100));
    const second = await collect(options);
    assert.deepEqual([second.new, second.objects, second.fetched], [100, 1, 100]);
    const third = await collect(options);
    assert.deepEqual([third.new, third.objects, third.fetched], [0, 0, 0]);
    const found = numbersOf(await all(read(into))).toSorted((a, b) => a - b);
    assert.deepEqual(found, upTo(3100));
    assert.ok((await verifyArchive(into, { head: second.head })).isIntact);
    await put("logs/page.html", "<!DOCTYPE html>");
    assert.ok((await collect({ ...options, exclude: ["*.html"] })).isComplete);
    const [gap] = (await collect(options)).gaps;
    assert.equal(gap.object, "s3://audit/logs/page.html");
    assert.ok((await collect(options)).isComplete, "told once");
    const secretAccessKey = "not-the-secret";
    const refused = await collect({ ...options, storage: { ...storage, secretAccessKey } });
    ours("REFUSED")(refused.error);
    assert.deepEqual(
      refused.gaps.map(({ object, since }) => [object, since]),
      [["s3://audit/logs/", null]],
    );
    assert.ok(!inspect(refused, { depth: 9 }).includes(secretAccessKey));
  });
});

// Streams: cut anywhere, pulled no faster than they are read, closed, stopped, and of every kind.
import assert from "node:assert/strict";
import { createReadStream, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Duplex, PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Event, eventStream, parse, Reader, read, readTable } from "nhn-cloudtrail";
import {
  all,
  failure,
  folder,
  inChild,
  isLinux,
  lines,
  numbered,
  numbersOf,
  openBelow,
  ours,
  pieces,
  settled,
} from "./support.mjs";

const DONE = { done: true, value: undefined };
const RECORDS = [
  { eventLogUuid: "1", userName: '한 "글"\\', eventId: "event_id.iaas.instance.create" },
  { eventLogUuid: "2", request: '{"a":[1,{"b":"😀"}]}', extra: [{}, "]}"] },
  { eventLogUuid: "3", response: { header: { isSuccessful: false, resultMessage: "é" } } },
];

/** What there is to see of events. */
const seen = (events) => events.map((event) => [event.toJSON(), event.position, event.raw]);

/** A source that counts what is taken of it, and remembers that it was closed. */
function counted(pieceOf = (index) => numbered(index * 100, index * 100 + 100)) {
  const source = { pulled: 0, returned: 0 };
  source[Symbol.asyncIterator] = () => ({
    next: async () => ({ done: false, value: pieceOf(source.pulled++) }),
    return: async () => {
      source.returned += 1;
      return DONE;
    },
  });
  return source;
}

/** A source that never gives anything, after what it may have first. */
function stalled(...first) {
  const source = { returned: 0 };
  source[Symbol.asyncIterator] = () => ({
    next: () => {
      const value = first.shift();
      return value ? Promise.resolve({ done: false, value }) : new Promise(() => undefined);
    },
    return: async () => {
      source.returned += 1;
      return DONE;
    },
  });
  return source;
}

describe("cut at every byte", () => {
  const answer = { header: { isSuccessful: true }, page: { content: RECORDS } };
  const SHAPES = {
    lines: lines(...RECORDS),
    "lines with a reject": lines(RECORDS[0], '{"broken": ]', RECORDS[1], RECORDS[2]),
    "lines with CRLF and a byte-order mark": Buffer.from(
      `\ufeff${RECORDS.map((record) => `${JSON.stringify(record)}\r\n`).join("")}`,
    ),
    "pretty-printed": Buffer.from(RECORDS.map((r) => JSON.stringify(r, null, 1)).join("\n")),
    array: Buffer.from(JSON.stringify(RECORDS)),
    answer: Buffer.from(JSON.stringify(answer, null, 1)),
  };
  for (const [name, plain] of Object.entries(SHAPES)) {
    const expected = seen(parse(plain, { onError: "skip" }));
    assert.equal(expected.length, 3, name);
    for (const [how, bytes] of [
      [name, plain],
      [`${name}, gzip`, gzipSync(plain)],
    ]) {
      test(`${how}, into two pieces`, async () => {
        for (let at = 0; at <= bytes.length; at += 1) {
          const cut = [bytes.subarray(0, at), bytes.subarray(at)];
          const events = await all(read(cut, { onError: "skip" }));
          assert.deepEqual(seen(events), expected, `cut at ${at}`);
        }
      });

      test(`${how}, byte by byte`, async () => {
        const reader = read(pieces(bytes, 1), { onError: "collect" });
        assert.deepEqual(seen(await all(reader)), expected);
        const whole = read(bytes, { onError: "collect" });
        await all(whole);
        assert.deepEqual(reader.stats, whole.stats);
        assert.deepEqual(reader.rejects, whole.rejects);
      });
    }
  }

  test("empty pieces", async () => {
    const bytes = lines(...RECORDS);
    const empty = new Uint8Array();
    const cut = [empty, bytes.subarray(0, 50), empty, empty, bytes.subarray(50), empty];
    assert.equal((await all(read(cut))).length, 3);
  });
});

describe("sources", () => {
  const bytes = numbered(0, 2000);
  const numbers = Array.from({ length: 2000 }, (_, index) => index);
  const SOURCES = {
    Uint8Array: () => new Uint8Array(bytes),
    ArrayBuffer: () => new Uint8Array(bytes).buffer,
    DataView: () => new DataView(new Uint8Array(bytes).buffer),
    Blob: () => new Blob([bytes]),
    "array of bytes": () => [...pieces(bytes, 999)],
    "array of ArrayBuffers": () => [new Uint8Array(bytes).buffer],
    generator: () => pieces(bytes, 999),
    "asynchronous generator": () => Readable.from(pieces(bytes, 999))[Symbol.asyncIterator](),
    Set: () => new Set(pieces(bytes, 999)),
    Readable: () => Readable.from(pieces(bytes, 999)),
    PassThrough: () => Readable.from(pieces(bytes, 999)).pipe(new PassThrough()),
    "web stream": () => Readable.toWeb(Readable.from(pieces(bytes, 999))),
    "body of a Response": () => new Response(bytes).body,
    "web stream of decompression": () =>
      new Blob([gzipSync(bytes)]).stream().pipeThrough(new DecompressionStream("gzip")),
  };
  for (const [name, source] of Object.entries(SOURCES)) {
    test(name, async () => {
      assert.deepEqual(numbersOf(await all(read(source()))), numbers);
      assert.equal((await readTable(source())).rows, numbers.length);
    });
  }

  test("paths", async (t) => {
    const path = folder(t, {
      "a.log": numbered(0, 2),
      "b b%20.jsonl.gz": gzipSync(numbered(2, 4)),
      ".hidden": numbered(90, 91),
      _partial: numbered(91, 92),
      "나.json": numbered(4, 5),
    });
    mkdirSync(join(path, "c"));
    writeFileSync(join(path, "c/d.log"), numbered(5, 6));
    const of = async (source) => numbersOf(await all(read(source)));
    const [a, b] = [join(path, "a.log"), join(path, "b b%20.jsonl.gz")];
    assert.deepEqual(await of(a), [0, 1]);
    assert.deepEqual(await of(pathToFileURL(b)), [2, 3]);
    assert.deepEqual(await of([b, pathToFileURL(a)]), [2, 3, 0, 1]);
    assert.deepEqual(await of(join(path, "*.log")), [0, 1]);
    assert.deepEqual(await of(join(path, "**/*.log")), [0, 1, 5]);
    assert.deepEqual(await of([join(path, "c/*"), a]), [5, 0, 1]);
    assert.deepEqual(await of(path), [0, 1, 2, 3, 5, 4]);
    assert.deepEqual(await of(pathToFileURL(path)), [0, 1, 2, 3, 5, 4]);
    assert.deepEqual(await of(createReadStream(b)), [2, 3]);
    const places = (await all(read([a, b]))).map(({ position }) => position);
    assert.deepEqual(
      places.map(({ source, record }) => [source, record]),
      [
        [a, 1],
        [a, 2],
        [b, 1],
        [b, 2],
      ],
    );
  });

  test("how far it is", async (t) => {
    const path = join(folder(t, { "a.log": bytes }), "a.log");
    const reader = read(path);
    assert.equal(reader.bytesRead, 0);
    await all(reader);
    assert.deepEqual([reader.bytesRead, reader.bytesTotal], [bytes.length, bytes.length]);
    const stream = read(pieces(bytes, 999));
    await all(stream);
    assert.deepEqual([stream.bytesRead, stream.bytesTotal], [bytes.length, null]);
  });

  test("nothing", async (t) => {
    const path = join(folder(t, { "empty.log": "" }), "empty.log");
    for (const source of [path, new Uint8Array(), [new Uint8Array()], new Blob([])]) {
      const reader = read(source);
      assert.deepEqual(await reader.next(), DONE);
      assert.equal(reader.stats.records, 0);
    }
    assert.deepEqual(await all(read(Readable.from([]))), []);
    assert.deepEqual(await all(read([Buffer.from(" \n\r\n\t")])), []);
    assert.deepEqual(await all(read(gzipSync(""))), []);
  });

  test("text in pieces is refused, and the stream closed", async () => {
    const text = numbered(0, 5).toString();
    const stream = Readable.from([numbered(0, 5), text]);
    const reader = read(stream);
    for (let count = 0; count < 5; count += 1) {
      assert.equal((await reader.next()).done, false);
    }
    await assert.rejects(reader.next(), ours("INVALID_OPTION"));
    await setImmediate();
    assert.equal(stream.destroyed, true);
    for (const piece of [text, "x", 1, [1], {}, true]) {
      await assert.rejects(settled(all(read(Readable.from([piece])))), ours("INVALID_OPTION"));
    }
    const decoded = Readable.from([numbered(0, 5)], { objectMode: false }).setEncoding("utf8");
    await assert.rejects(all(read(decoded)), /encoding/);
  });
});

describe("standard input", () => {
  const work = async ({ read }, limit) => {
    const found = [];
    for await (const event of read("-")) {
      found.push(event.eventLogUuid);
      if (found.length === limit) {
        break;
      }
    }
    return found;
  };

  test("is read to its end", async () => {
    const input = [numbered(0, 1), numbered(1, 3)];
    assert.deepEqual(await inChild(work, { input }), ["0", "1", "2"]);
    assert.deepEqual(await inChild(work, { input: [gzipSync(numbered(0, 2))] }), ["0", "1"]);
    assert.deepEqual(await inChild(work), []);
  });

  test("may be left", async () => {
    const input = [numbered(0, 200_000)];
    assert.deepEqual(await inChild(work, { input, args: [2] }), ["0", "1"]);
  });

  test("as a table", async () => {
    const rows = await inChild(async ({ readTable }) => (await readTable("-")).rows, {
      input: [numbered(0, 5)],
    });
    assert.equal(rows, 5);
  });
});

describe("a live stream", () => {
  test("gives events as they come", async () => {
    const stream = new PassThrough();
    const reader = read(stream);
    for (const number of [1, 2, 3]) {
      const next = reader.next();
      const [first, second] = pieces(numbered(number, number + 1), 15);
      stream.write(first);
      await setTimeout(5);
      stream.write(second);
      assert.equal((await settled(next)).value.eventLogUuid, String(number));
    }
    stream.end();
    assert.deepEqual(await reader.next(), DONE);
  });
});

describe("back-pressure", () => {
  test("a source is pulled no further than it is read", async () => {
    const source = counted();
    const reader = read(source);
    assert.equal(source.pulled, 0);
    let count = 0;
    for await (const event of reader) {
      assert.equal(event.eventLogUuid, String(count));
      count += 1;
      // A piece has a hundred events.
      assert.ok(source.pulled <= count / 100 + 4, `${source.pulled} after ${count}`);
      if (count === 5000) {
        break;
      }
    }
    const { pulled } = source;
    await setTimeout(50);
    assert.equal(source.pulled, pulled);
    assert.equal(source.returned, 1);
  });

  test("large pieces are not gathered either", async () => {
    const piece = numbered(0, 100_000);
    const source = counted(() => piece);
    const reader = read(source);
    for (let count = 0; count < 150_000; count += 1) {
      await reader.next();
    }
    await setTimeout(50);
    assert.ok(source.pulled <= 4, `${source.pulled}`);
    await reader.return();
  });

  test("a pipeline is pulled no further than it is read", async () => {
    const source = counted();
    const stream = Readable.from(source, { objectMode: true }).pipe(eventStream());
    let count = 0;
    for await (const _ of stream) {
      count += 1;
      // The streams between have room for some pieces and events.
      assert.ok(source.pulled <= count / 100 + 40, `${source.pulled} after ${count}`);
      if (count === 5000) {
        await setTimeout(50);
        break;
      }
    }
    assert.ok(source.pulled <= 90);
  });
});

describe("leaving", () => {
  test("break closes the source, once", async () => {
    for (const leave of [1, 100, 150]) {
      const source = counted();
      let count = 0;
      for await (const _ of read(source)) {
        count += 1;
        if (count === leave) {
          break;
        }
      }
      assert.equal(source.returned, 1);
    }
  });

  test("an error in the loop closes the source, and is thrown as it is", async () => {
    const source = counted();
    const mine = new Error("mine");
    const error = await failure(async () => {
      for await (const _ of read(source)) {
        throw mine;
      }
    });
    assert.equal(error, mine);
    assert.equal(source.returned, 1);
  });

  test("return at any time", async () => {
    for (const count of [0, 1, 99, 100, 101]) {
      const source = counted();
      const reader = read(source);
      for (let index = 0; index < count; index += 1) {
        await reader.next();
      }
      assert.deepEqual(await settled(reader.return()), DONE);
      assert.deepEqual(await reader.next(), DONE);
      assert.deepEqual(await reader.return(), DONE);
      assert.equal(source.returned, 1);
    }
  });

  test("return before a record that cannot be read", async () => {
    const reader = read(lines({ eventLogUuid: "1" }, "broken"));
    await reader.next();
    await reader.return();
    assert.deepEqual(await reader.next(), DONE);
  });

  test("return while somebody waits", async () => {
    const source = stalled(numbered(0, 1));
    const reader = read(source);
    await reader.next();
    const waiting = [reader.next(), reader.next(), reader.next()];
    await setTimeout(20);
    assert.deepEqual(await settled(reader.return()), DONE);
    assert.deepEqual(await settled(Promise.all(waiting)), [DONE, DONE, DONE]);
    assert.equal(source.returned, 1);
  });

  test("destroys a Node stream, and cancels a web stream", async () => {
    const node = Readable.from(pieces(numbered(0, 50_000), 9999));
    let cancelled = 0;
    const web = new ReadableStream({
      pull: (controller) => controller.enqueue(numbered(0, 100)),
      cancel: () => {
        cancelled += 1;
      },
    });
    for (const stream of [node, web]) {
      for await (const _ of read(stream)) {
        break;
      }
    }
    await setTimeout(20);
    assert.equal(node.destroyed, true);
    assert.equal(cancelled, 1);
    assert.equal(web.locked, false);
  });

  test("destroys a Node stream that has stalled", async () => {
    const stream = new Readable({ read() {} });
    stream.push(numbered(0, 1));
    const reader = read(stream);
    await reader.next();
    const waiting = reader.next();
    await setTimeout(20);
    await settled(reader.return());
    assert.deepEqual(await waiting, DONE);
    await setTimeout(20);
    assert.equal(stream.destroyed, true);
  });

  test("cancels a web stream that has stalled", async () => {
    let cancelled = 0;
    const stream = new ReadableStream({
      cancel: () => {
        cancelled += 1;
      },
    });
    const reader = read(stream);
    const waiting = reader.next();
    await setTimeout(20);
    await settled(reader.return());
    assert.deepEqual(await waiting, DONE);
    await setTimeout(20);
    assert.equal(cancelled, 1);
  });

  test("closes the file", { skip: !isLinux }, async (t) => {
    const path = folder(t, { "a.log": numbered(0, 200_000), "b.log": numbered(0, 9) });
    const most = [];
    for (const leave of ["break", "return", "dispose", "throw", "end", "abort"]) {
      const stop = new AbortController();
      const reader = read(join(path, "a.log"), { signal: stop.signal });
      await reader.next();
      most.push(openBelow(path));
      if (leave === "break") {
        for await (const _ of reader) {
          break;
        }
      } else if (leave === "return") {
        await reader.return();
      } else if (leave === "dispose") {
        await reader[Symbol.asyncDispose]();
      } else if (leave === "abort") {
        stop.abort();
        await failure(reader.next());
      } else if (leave === "throw") {
        await failure(async () => {
          for await (const _ of reader) {
            throw new Error("mine");
          }
        });
      } else {
        await all(reader);
      }
      assert.equal(openBelow(path), 0, leave);
    }
    // While it is read, it is open: else the test would tell nothing.
    assert.ok(most.every((count) => count > 0));
    const broken = join(path, "c.log");
    writeFileSync(broken, lines({ eventLogUuid: "1" }, "broken"));
    await failure(all(read(broken)));
    await failure(all(read([join(path, "b.log"), join(path, "nothing")])));
    assert.equal(openBelow(path), 0);
  });

  test("Symbol.asyncDispose", async () => {
    const source = counted();
    const reader = read(source);
    await reader.next();
    assert.equal(await reader[Symbol.asyncDispose](), undefined);
    assert.equal(source.returned, 1);
    assert.deepEqual(await reader.next(), DONE);
  });
});

describe("AbortSignal", () => {
  const REASONS = [new Error("mine"), "text", { a: 1 }, 0, null];

  test("before", async () => {
    for (const reason of REASONS) {
      const source = counted();
      const reader = read(source, { signal: AbortSignal.abort(reason) });
      assert.equal(await failure(reader.next()), reason);
      assert.deepEqual(await reader.next(), DONE);
      assert.deepEqual([source.pulled, source.returned], [0, 1]);
    }
    const { signal } = new AbortController();
    assert.equal((await all(read(numbered(0, 5), { signal }))).length, 5);
    assert.equal(
      (await failure(all(read("/nowhere", { signal: AbortSignal.abort() })))).name,
      "AbortError",
    );
  });

  test("during", async () => {
    for (const reason of REASONS) {
      const source = counted();
      const stop = new AbortController();
      const reader = read(source, { signal: stop.signal });
      let count = 0;
      const error = await failure(async () => {
        for await (const _ of reader) {
          count += 1;
          if (count === 250) {
            stop.abort(reason);
          }
        }
      });
      assert.equal(error, reason);
      assert.equal(count, 250);
      assert.equal(source.returned, 1);
      assert.deepEqual(await reader.next(), DONE);
    }
  });

  test("during a file", async (t) => {
    const path = join(folder(t, { "a.log": numbered(0, 300_000) }), "a.log");
    const stop = new AbortController();
    const reader = read(path, { signal: stop.signal });
    const reason = new Error("mine");
    setTimeout(10).then(() => stop.abort(reason));
    assert.equal(await failure(all(reader)), reason);
  });

  test("on a stalled source", async () => {
    const source = stalled(numbered(0, 1));
    const stop = new AbortController();
    const reader = read(source, { signal: stop.signal });
    await reader.next();
    const waiting = [failure(reader.next()), reader.next()];
    await setTimeout(20);
    const reason = new Error("mine");
    stop.abort(reason);
    assert.equal(await waiting[0], reason);
    assert.deepEqual(await settled(waiting[1]), DONE);
    assert.equal(source.returned, 1);
  });

  test("on a stalled Node stream, which is destroyed", async () => {
    const stream = new Readable({ read() {} });
    const stop = new AbortController();
    const waiting = failure(read(stream, { signal: stop.signal }).next());
    await setTimeout(20);
    stop.abort("reason");
    assert.equal(await waiting, "reason");
    await setTimeout(20);
    assert.equal(stream.destroyed, true);
  });

  test("after the end", async () => {
    const stop = new AbortController();
    const reader = read(numbered(0, 2), { signal: stop.signal });
    await all(reader);
    stop.abort();
    assert.deepEqual(await reader.next(), DONE);
  });

  test("a signal that lives on does not hold readers", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args) => {
      listeners -= 1;
      remove(...args);
    };
    await all(read(numbered(0, 2), { signal }));
    await read(numbered(0, 2), { signal }).return();
    await failure(all(read("/nowhere", { signal })));
    await readTable(numbered(0, 2), { signal });
    assert.equal(listeners, 0);
  });

  test("of several readers", async () => {
    const stop = new AbortController();
    const readers = [stalled(), stalled(), stalled()].map((source) =>
      failure(read(source, { signal: stop.signal }).next()),
    );
    await setTimeout(10);
    stop.abort("all");
    assert.deepEqual(await Promise.all(readers), ["all", "all", "all"]);
  });
});

describe("next", () => {
  test("calls that do not wait for one another give events in order", async (t) => {
    const path = join(folder(t, { "a.log": numbered(0, 20_000) }), "a.log");
    for (const source of [path, pieces(numbered(0, 20_000), 7777)]) {
      const reader = read(source);
      const calls = Array.from({ length: 20_010 }, () => reader.next());
      const results = await settled(Promise.all(calls));
      assert.deepEqual(
        numbersOf(results.slice(0, 20_000).map(({ value }) => value)),
        Array.from({ length: 20_000 }, (_, index) => index),
      );
      assert.ok(results.slice(20_000).every(({ done, value }) => done && value === undefined));
    }
  });

  test("calls that do not wait: one has the error, the others are over", async () => {
    const reader = read(lines({ eventLogUuid: "1" }, "broken", { eventLogUuid: "3" }));
    const calls = Array.from({ length: 4 }, () => reader.next());
    const results = await Promise.allSettled(calls);
    assert.equal(results[0].value.value.eventLogUuid, "1");
    assert.equal(results[1].reason.code, "INVALID_JSON");
    assert.deepEqual([results[2].value, results[3].value], [DONE, DONE]);
  });

  test("after the end it is the end", async () => {
    const reader = read(numbered(0, 1));
    await all(reader);
    for (let count = 0; count < 3; count += 1) {
      assert.deepEqual(await reader.next(), DONE);
    }
    assert.deepEqual(await all(reader), []);
  });

  test("a reader is its own iterator", async () => {
    const reader = read(numbered(0, 4));
    assert.ok(reader instanceof Reader);
    assert.equal(reader[Symbol.asyncIterator](), reader);
    assert.ok((await reader.next()).value instanceof Event);
    assert.deepEqual(numbersOf(await all(reader)), [1, 2, 3]);
  });

  test("several readers at once do not mind one another", async (t) => {
    const path = join(folder(t, { "a.log": numbered(0, 30_000) }), "a.log");
    const bytes = numbered(0, 30_000);
    const readers = [read(path), read(path), read(bytes), read(pieces(bytes, 5555))];
    const numbers = await Promise.all(readers.map(async (reader) => numbersOf(await all(reader))));
    const expected = Array.from({ length: 30_000 }, (_, index) => index);
    for (const found of numbers) {
      assert.deepEqual(found, expected);
    }
  });

  test("stats add up", async () => {
    const text = lines({ eventLogUuid: "1" }, "broken", { eventLogUuid: "1" }, { region: "KR1" });
    const reader = read(text, { onError: "collect", dedup: true });
    assert.equal(reader.stats.records, 0);
    await all(reader);
    const { records, events, rejects, duplicates } = reader.stats;
    assert.deepEqual([records, events, rejects, duplicates], [4, 2, 1, 1]);
  });
});

describe("eventStream", () => {
  test("in a pipeline", async () => {
    const found = [];
    const stream = eventStream({ kind: "delete" });
    await pipeline(
      Readable.from(pieces(gzipSync(lines(...RECORDS, { eventId: "a.b.delete" })), 10)),
      stream,
      async (events) => {
        for await (const event of events) {
          assert.ok(event instanceof Event);
          found.push(event.eventId);
        }
      },
    );
    assert.deepEqual(found, ["a.b.delete"]);
    assert.deepEqual([stream.stats.events, stream.stats.filtered], [1, 3]);
  });

  test("with pipe and on", async () => {
    const stream = Readable.from(pieces(numbered(0, 500), 99)).pipe(eventStream());
    const found = [];
    stream.on("data", (event) => found.push(event));
    await new Promise((resolve, reject) => {
      stream.on("end", resolve);
      stream.on("error", reject);
    });
    assert.deepEqual(
      numbersOf(found),
      Array.from({ length: 500 }, (_, index) => index),
    );
  });

  test("as a web stream", async () => {
    const { readable, writable } = Duplex.toWeb(eventStream());
    const writing = new Blob([numbered(0, 50)]).stream().pipeTo(writable);
    assert.equal((await all(readable)).length, 50);
    await writing;
  });

  test("with nothing in it", async () => {
    const stream = eventStream();
    stream.end();
    assert.deepEqual(await all(stream), []);
    assert.equal(stream.stats.records, 0);
    assert.deepEqual([stream.rejects, stream.errors], [[], []]);
  });

  test("rejects", async () => {
    const stream = eventStream({ onError: "collect" });
    stream.end(lines({ eventLogUuid: "1" }, "broken"));
    assert.deepEqual(numbersOf(await all(stream)), [1]);
    assert.deepEqual(
      stream.rejects.map(({ code, position }) => [code, position.line]),
      [["INVALID_JSON", 2]],
    );
  });

  test("errors", async () => {
    const found = [];
    const error = await failure(
      pipeline([lines({ eventLogUuid: "1" }, "broken")], eventStream(), async (events) => {
        for await (const event of events) {
          found.push(event);
        }
      }),
    );
    ours("INVALID_JSON", { record: 2, line: 2, byte: 21, source: null })(error);
    assert.deepEqual(numbersOf(found), [1]);
  });

  test("text may be written, and nothing else but bytes", async () => {
    const stream = eventStream();
    stream.write('{"userName":"김"}\n');
    stream.end('{"userName":"이"}');
    const names = (await settled(all(stream))).map((event) => event.userName);
    assert.deepEqual(names, ["김", "이"]);
    const other = eventStream();
    other.end(7);
    await assert.rejects(settled(all(other)), ours("INVALID_OPTION"));
  });

  test("abort", async () => {
    const stop = new AbortController();
    const source = new PassThrough();
    source.write(numbered(0, 1));
    const reason = new Error("mine");
    setTimeout(20).then(() => stop.abort(reason));
    const error = await failure(
      pipeline(
        source,
        eventStream({ signal: stop.signal }),
        async (events) => void (await all(events)),
      ),
    );
    assert.equal(error, reason);
    assert.equal(source.destroyed, true);
  });

  test("an error of the sink comes out as it is", async () => {
    const source = counted();
    const mine = new Error("mine");
    const error = await failure(
      pipeline(Readable.from(source), eventStream(), async (events) => {
        for await (const _ of events) {
          throw mine;
        }
      }),
    );
    assert.equal(error, mine);
    await setTimeout(20);
    assert.equal(source.returned, 1);
  });

  test("what it is destroyed with comes out as it is", async () => {
    const stream = eventStream();
    stream.write(numbered(0, 3));
    await new Promise((resolve) => stream.once("data", resolve));
    const mine = new Error("mine");
    const error = new Promise((resolve) => stream.on("error", resolve));
    stream.destroy(mine);
    assert.equal(await settled(error), mine);
  });

  test("a sink that leaves early ends a pipeline as with any other stream", async () => {
    const leave = async (items) => {
      for await (const _ of items) {
        break;
      }
    };
    const plain = await failure(
      pipeline(Readable.from(counted()), new PassThrough({ objectMode: true }), leave),
    );
    const error = await failure(pipeline(Readable.from(counted()), eventStream(), leave));
    assert.deepEqual([error.name, error.code], [plain.name, plain.code]);
  });

  test("leaving a loop over it destroys it", async () => {
    const source = counted();
    const stream = Readable.from(source).pipe(eventStream());
    for await (const _ of stream) {
      break;
    }
    assert.equal(stream.destroyed, true);
  });
});

test("an error that is thrown into a generator over a reader comes out as it is", async () => {
  const source = counted();
  async function* around() {
    yield* read(source);
  }
  const events = around();
  await events.next();
  const mine = new Error("mine");
  assert.equal(await failure(events.throw(mine)), mine);
  assert.equal(source.returned, 1);
});

describe("a signal that many readers share", () => {
  test("warns of nothing", async () => {
    const warnings = [];
    const hear = (warning) => warnings.push(warning);
    process.on("warning", hear);
    const { signal } = new AbortController();
    const readers = Array.from({ length: 20 }, () => read(numbered(0, 3), { signal }));
    await Promise.all(readers.map((reader) => reader.next()));
    await Promise.all(readers.map((reader) => all(reader)));
    await setTimeout(10);
    process.off("warning", hear);
    assert.deepEqual(warnings, []);
  });

  test("ends all of them", async () => {
    const stop = new AbortController();
    const readers = Array.from({ length: 20 }, () => read(numbered(0, 3), { signal: stop.signal }));
    await Promise.all(readers.map((reader) => reader.next()));
    stop.abort(new Error("mine"));
    for (const reader of readers) {
      await assert.rejects(reader.next(), (error) => error === stop.signal.reason);
    }
  });
});

test("the text of a log is no path, and a thing without an iterator no stream", () => {
  assert.throws(() => read('{"eventId":"a"}'), ours("INVALID_OPTION"));
  assert.throws(() => read({ [Symbol.asyncIterator]: () => undefined }), ours("INVALID_OPTION"));
});

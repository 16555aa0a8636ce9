// What a long run costs: memory, descriptors, threads, and the time of the event loop.
import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { folder, inChild, isLinux, lines } from "./support.mjs";

const MIB = 2 ** 20;

/** Records as they come, `count` of them. */
function records(count, from = 0) {
  return lines(
    ...Array.from({ length: count }, (_, index) => ({
      eventTime: new Date(1767225600000 + index * 1000).toISOString(),
      eventId: ["event_id.iaas.instance.create", "event_id.iam.member.role.update"][index % 2],
      eventLogUuid: `uuid-${from + index}`,
      userId: `user${index % 50}@example.com`,
      userName: `사용자 ${index % 50}`,
      userIp: `10.0.0.${index % 250}`,
      region: "KR1",
      request: JSON.stringify({ name: `server-${index}`, note: "글 ".repeat(40) }),
      response: '{"header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}}',
    })),
  );
}

/**
 * What `round` leaves behind after `rounds` more than it takes to warm up, in a process of its own. Figures
 * are of memory that is in use after the garbage is collected.
 */
async function growth(t, round, { warm, rounds, args }) {
  const measure = async (package_, source, warm, rounds, args) => {
    const round = new Function("require", `return ${source}`)(require);
    const { readdirSync } = require("node:fs");
    const { setTimeout } = require("node:timers/promises");
    const count = (path) => (process.platform === "linux" ? readdirSync(path).length : 0);
    const look = async () => {
      // What is freed by finalizers is freed later than what they are of.
      for (let times = 0; times < 4; times += 1) {
        globalThis.gc();
        await setTimeout(20);
      }
      const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
      const [files, threads] = [count("/proc/self/fd"), count("/proc/self/task")];
      return { rss, heapUsed, external, arrayBuffers, files, threads };
    };
    for (let times = 0; times < warm; times += 1) {
      await round(package_, args);
    }
    const before = await look();
    for (let times = 0; times < rounds; times += 1) {
      await round(package_, args);
    }
    const after = await look();
    const names = Object.keys(before);
    return Object.fromEntries(names.map((name) => [name, after[name] - before[name]]));
  };
  const found = await inChild(measure, {
    flags: ["--expose-gc"],
    args: [String(round), warm, rounds, args],
  });
  const { files, threads, ...bytes } = found;
  const figures = Object.entries(bytes).map(([name, more]) => `${name} ${(more / MIB).toFixed(1)}`);
  t.diagnostic(`MiB more: ${figures.join(", ")}; ${files} files, ${threads} threads more`);
  return found;
}

/** That next to nothing is left behind. */
function steady({ rss, heapUsed, external, arrayBuffers, files, threads }) {
  assert.ok(heapUsed < 4 * MIB, `heap: ${heapUsed}`);
  assert.ok(external < 4 * MIB, `external: ${external}`);
  assert.ok(arrayBuffers < 4 * MIB, `array buffers: ${arrayBuffers}`);
  // Allocators keep some of what they were given.
  assert.ok(rss < 64 * MIB, `resident: ${rss}`);
  assert.ok(files <= 0, `files: ${files}`);
  assert.ok(threads <= 0, `threads: ${threads}`);
}

describe("memory is steady", () => {
  test("over a long stream", async (t) => {
    // Some 400 MiB, of which none is kept.
    const round = async ({ read }, piece) => {
      const bytes = Buffer.from(piece);
      function* source() {
        for (let times = 0; times < 100; times += 1) {
          yield bytes;
        }
      }
      for await (const event of read(source())) {
        void [event.eventTime, event.name(), event.userName, event.request, event.outcome];
      }
    };
    const piece = records(1500).toString();
    steady(await growth(t, round, { warm: 2, rounds: 8, args: piece }));
  });

  test("within one stream", async (t) => {
    const most = await inChild(
      async ({ read }, piece) => {
        const bytes = Buffer.from(piece);
        function* source() {
          for (let times = 0; times < 600; times += 1) {
            yield bytes;
          }
        }
        let count = 0;
        let [early, late] = [0, 0];
        for await (const event of read(source())) {
          void [event.eventTime, event.userName, event.request];
          count += 1;
          if (count % 20_000 === 0) {
            globalThis.gc();
            const { rss } = process.memoryUsage();
            if (count <= 200_000) {
              early = Math.max(early, rss);
            } else {
              late = Math.max(late, rss);
            }
          }
        }
        return [early, late];
      },
      { flags: ["--expose-gc"], args: [records(1500).toString()] },
    );
    const [early, late] = most.map((bytes) => Math.round(bytes / MIB));
    t.diagnostic(`resident: at most ${early} MiB in its first part, ${late} MiB in the rest`);
    assert.ok(late < early + 64, `${early} MiB, then ${late} MiB`);
  });

  test("over texts that are never the same", async (t) => {
    const round = ({ parse }) => {
      globalThis.turn = (globalThis.turn ?? 0) + 1;
      const of = (index) => `{"userName":"user ${globalThis.turn} ${index}","region":"${index}"}\n`;
      const text = Array.from({ length: 5000 }, (_, index) => of(index)).join("");
      for (const event of parse(text)) {
        void [event.userName, event.region, event.service, event.outcome];
      }
    };
    steady(await growth(t, round, { warm: 60, rounds: 120 }));
  });

  test("over many parses", async (t) => {
    const round = ({ parse }, text) => {
      for (const event of parse(text)) {
        void JSON.stringify(event);
        void [event.raw, event.key, event.problems, event.detach().userId];
      }
    };
    const args = records(20).toString();
    steady(await growth(t, round, { warm: 300, rounds: 3000, args }));
  });

  test("over many files, whole or left, and streams that fail", { skip: !isLinux }, async (t) => {
    const path = folder(t, {
      "a.log": records(300),
      "b.log.gz": gzipSync(records(6000)),
      "c.log": Buffer.concat([records(10), Buffer.from("broken\n")]),
    });
    const round = async ({ read, eventStream }, path) => {
      const { createReadStream } = require("node:fs");
      const { pipeline } = require("node:stream/promises");
      for await (const event of read(`${path}/a.log`)) {
        void event.eventId;
      }
      for await (const _ of read(`${path}/b.log.gz`)) {
        break;
      }
      await (async () => {
        for await (const event of read(`${path}/c.log`)) {
          void event.eventId;
        }
      })().catch(() => undefined);
      const stop = new AbortController();
      const reader = read(`${path}/b.log.gz`, { signal: stop.signal });
      await reader.next();
      stop.abort();
      await reader.next().catch(() => undefined);
      await pipeline(createReadStream(`${path}/a.log`), eventStream(), async (events) => {
        for await (const event of events) {
          void event.eventId;
        }
      });
      read(`${path}/b.log.gz`);
    };
    steady(await growth(t, round, { warm: 200, rounds: 300, args: path }));
  });

  test("over readers that nobody closes", { skip: !isLinux }, async (t) => {
    const path = folder(t, { "a.log": records(20_000) });
    const round = async ({ read }, path) => {
      await read(`${path}/a.log`).next();
      globalThis.gc();
    };
    steady(await growth(t, round, { warm: 20, rounds: 60, args: path }));
  });

  test("over many tables", async (t) => {
    const round = async ({ readTable }, text) => {
      await readTable(Buffer.from(text));
      await readTable(Buffer.from(text), { columns: ["nope"] }).catch(() => undefined);
    };
    const args = records(1000).toString();
    steady(await growth(t, round, { warm: 40, rounds: 200, args }));
  });

  test("over many errors and catalogs", async (t) => {
    const round = ({ parse, catalog }) => {
      for (let times = 0; times < 100; times += 1) {
        try {
          parse("no log");
        } catch (error) {
          void error.code;
        }
      }
      const overlay = catalog.withOverlay("event_id\tname_ko\na.b.create\t가\n");
      const [event] = parse('{"eventId":"a.b.create"}', { catalog: overlay });
      void [event.name(), event.service];
    };
    steady(await growth(t, round, { warm: 30, rounds: 300 }));
  });

  test("an event that is detached keeps no more than its own bytes alive", async (t) => {
    const kept = await inChild(
      async ({ read }, piece) => {
        const bytes = Buffer.from(piece);
        function* source() {
          for (let times = 0; times < 100; times += 1) {
            yield bytes;
          }
        }
        const events = [];
        const used = () => {
          globalThis.gc();
          return process.memoryUsage().arrayBuffers;
        };
        const before = used();
        let count = 0;
        for await (const event of read(source())) {
          count += 1;
          if (count % 1500 === 0) {
            events.push(event.detach());
          }
        }
        const after = used();
        return [after - before, events.length];
      },
      { flags: ["--expose-gc"], args: [records(1500).toString()] },
    );
    t.diagnostic(`${kept[1]} events keep ${(kept[0] / 1024).toFixed(0)} KiB`);
    assert.equal(kept[1], 100);
    assert.ok(kept[0] < 4 * MIB, `${kept[0]}`);
  });
});

test("the event loop is not held up while a large file is read", async (t) => {
  const path = join(folder(t), "large.log");
  const piece = records(10_000);
  const file = openSync(path, "w");
  let size = 0;
  while (size < 100 * MIB) {
    size += writeSync(file, piece);
  }
  closeSync(file);
  const { p99, max, beats, seconds, count } = await inChild(
    async ({ read }, path) => {
      const { monitorEventLoopDelay } = require("node:perf_hooks");
      const delay = monitorEventLoopDelay({ resolution: 1 });
      let beats = 0;
      const beat = setInterval(() => {
        beats += 1;
      }, 5);
      const start = performance.now();
      delay.enable();
      let count = 0;
      for await (const event of read(path)) {
        count += 1;
        void [event.eventTime, event.name(), event.userName, event.outcome];
      }
      delay.disable();
      clearInterval(beat);
      const seconds = (performance.now() - start) / 1000;
      const [p99, max] = [delay.percentile(99), delay.max].map((nanos) => nanos / 1e6);
      return { p99, max, beats, seconds, count };
    },
    { args: [path] },
  );
  t.diagnostic(
    `${(size / MIB).toFixed(0)} MiB, ${count} events in ${seconds.toFixed(2)} s: ` +
      `delay p99 ${p99.toFixed(1)} ms, at most ${max.toFixed(1)} ms, ${beats} beats of 5 ms`,
  );
  assert.ok(p99 < 100, `${p99} ms`);
  assert.ok(beats > 0);
});

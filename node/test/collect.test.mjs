// The query API, archives, and what they say of themselves, with a server that follows the API's guide.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import {
  archiveStatus,
  Client,
  collect,
  Event,
  Reader,
  read,
  readTable,
  verifyArchive,
} from "nhn-cloudtrail";
import { api, KEYS, noSettings } from "./servers.mjs";
import { all, failure, folder, isLinux, ours, settled, worker } from "./support.mjs";

const SINCE = { since: "92d" };

before(noSettings);

const keysOf = (events) => events.map(({ eventLogUuid }) => eventLogUuid).sort();

/** No key stands in what a program may print. */
function noSecret(...values) {
  for (const value of values) {
    const texts = [inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value)];
    texts.push(String(value), String(value?.stack));
    for (const key of Object.values(KEYS)) {
      assert.ok(!texts.join("\n").includes(key), texts.join("\n"));
    }
  }
}

describe("a search", () => {
  test("gives every event once, the oldest first", async (t) => {
    const server = await api(t, "--events", "3000");
    const reader = server.client().search(SINCE);
    assert.ok(reader instanceof Reader);
    const events = await settled(all(reader));
    assert.ok(events[0] instanceof Event);
    assert.deepEqual(keysOf(events), await server.uuids());
    const times = events.map((event) => event.eventTime?.getTime() ?? 0);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(reader.stats.events, 3000);
    assert.equal(reader.stats.records, 3000 + reader.stats.duplicates);
    assert.ok(reader.bytesRead > 3000);
    assert.equal(reader.bytesTotal, null);
  });

  test("gives every event once though requests fail, and by v1", async (t) => {
    const faults = ["--fail", "5", "--hang", "0.2"];
    const server = await api(t, "--events", "3000", ...faults);
    const options = { retries: 20, timeout: 2000, pageSize: 200 };
    const { baseUrl, appKey } = { baseUrl: server.url, ...KEYS };
    const v1 = new Client({ baseUrl, appKey, api: "v1", rate: 1000, ...options });
    const [two, one] = await Promise.all(
      [server.client(options), v1].map((client) => all(client.search(SINCE))),
    );
    const uuids = await server.uuids();
    assert.deepEqual(keysOf(two), uuids);
    assert.deepEqual(keysOf(one), uuids);
  });

  test("asks for an ID, a member and a period, and filters the rest", async (t) => {
    const server = await api(t, "--events", "2000");
    const client = server.client();
    const events = await all(client.search(SINCE));
    const { eventId, userIdNo } = events.find((event) => event.userIdNo && event.eventId);
    const ids = events.filter((event) => event.eventId === eventId);
    assert.deepEqual(keysOf(await all(client.search({ ...SINCE, eventId }))), keysOf(ids));
    const own = events.filter((event) => event.userIdNo === userIdNo);
    const found = await all(client.search({ ...SINCE, idNo: userIdNo }));
    assert.deepEqual(keysOf(found), keysOf(own));
    const member = { memberType: "TOAST", emailAddress: "nobody@example.com" };
    assert.deepEqual(await all(client.search({ ...SINCE, member })), []);
    const reader = client.search({ ...SINCE, kind: "delete", lang: "en" });
    const deletions = events.filter((event) => event.action?.kind === "delete");
    assert.deepEqual(keysOf(await all(reader)), keysOf(deletions));
    assert.equal(reader.stats.filtered, 2000 - deletions.length);
    const middle = events[1000].eventTime;
    const late = events.filter((event) => event.eventTime >= middle);
    assert.deepEqual(keysOf(await all(client.search({ since: middle }))), keysOf(late));
    const until = middle.toISOString();
    const early = events.filter((event) => event.eventTime <= middle);
    assert.deepEqual(keysOf(await all(client.search({ ...SINCE, until }))), keysOf(early));
  });

  test("ends with what the API refuses, whatever onError says", async (t) => {
    const server = await api(t, "--events", "10");
    const client = server.client({ secretAccessKey: "wrong" });
    for (const onError of ["raise", "skip", "collect"]) {
      const reader = client.search({ ...SINCE, onError });
      const error = await failure(all(reader));
      ours("REFUSED", { source: null, record: null })(error);
      assert.ok(!error.message.includes("onError"), error.message);
      assert.deepEqual(reader.errors, []);
    }
  });

  test("leaves out records that are odd, as onError says", async (t) => {
    const server = await api(t, "--events", "10");
    const time = new Date(Date.now() - 60_000).toISOString();
    const deep = "[".repeat(200) + "]".repeat(200);
    const record = `{"eventLogUuid":"deep","eventTime":"${time}","request":${deep}}`;
    await server.control("insert", { record, time });
    const reader = server.client().search({ ...SINCE, onError: "collect" });
    assert.equal((await all(reader)).length, 10);
    assert.equal(reader.rejects[0].code, "RECORD_TOO_DEEP");
    const error = await failure(all(server.client().search(SINCE)));
    ours("RECORD_TOO_DEEP")(error);
    assert.match(error.message, /onError: "skip"/);
  });

  test("tells what the network does", async (t) => {
    const options = { retries: 0, timeout: 500 };
    const server = await api(t, "--events", "10", "--hang", "3");
    const codes = [
      ["timeout", "TIMEOUT"],
      ["http503", "HTTP_STATUS"],
      ["html", "BAD_ANSWER"],
      ["reset", "NETWORK"],
    ];
    for (const [kind, code] of codes) {
      await server.control("fail", { kinds: [kind], next: 4 });
      const client = server.client({ ...options, concurrency: 1 });
      const error = await failure(all(client.search({ since: "1h" })));
      ours(code, { source: null })(error);
      noSecret(error);
      await server.control("fail", { deny: null });
    }
    const nobody = new Client({ baseUrl: "http://127.0.0.1:9", ...KEYS, ...options });
    const error = await failure(all(nobody.search(SINCE)));
    ours("NETWORK")(error);
    noSecret(error, nobody);
  });

  test("refuses what lies too long ago, and options that make no sense", async (t) => {
    const { client } = await api(t, "--events", "10");
    await assert.rejects(all(client().search({ since: "94d" })), ours("INVALID_TIME"));
    await assert.rejects(all(client().search({ since: "1h", until: "2h" })), ours("INVALID_TIME"));
    const wrong = [
      [{}, "INVALID_OPTION"],
      [{ since: "soon" }, "INVALID_TIME"],
      [{ since: new Date(Number.NaN) }, "INVALID_TIME"],
      [{ since: 7 }, "INVALID_OPTION"],
      [{ ...SINCE, until: "later" }, "INVALID_TIME"],
      [{ ...SINCE, tz: "Asia/Soul" }, "INVALID_OPTION"],
      [{ ...SINCE, dedup: true }, "INVALID_OPTION"],
      [{ ...SINCE, storage: {} }, "INVALID_OPTION"],
      [{ ...SINCE, kind: "deletion" }, "INVALID_FILTER"],
      [{ ...SINCE, member: { memberType: "GUEST" } }, "INVALID_OPTION"],
      [{ ...SINCE, member: { memberType: "IAM" } }, "INVALID_OPTION"],
      [{ ...SINCE, member: { memberType: "IAM", userCode: "a", email: "b" } }, "INVALID_OPTION"],
      [
        { ...SINCE, member: { memberType: "IAM", userCode: "a", emailAddress: "b" } },
        "INVALID_OPTION",
      ],
      [{ ...SINCE, idNo: 7 }, "INVALID_OPTION"],
    ];
    assert.throws(() => client().search(), ours("INVALID_OPTION"));
    for (const [options, code] of wrong) {
      assert.throws(() => client().search(options), ours(code), inspect(options));
    }
  });

  test("ends with its signal, and asks no more", async (t) => {
    const server = await api(t, "--events", "3000", "--fail", "100", "--faults", "slow");
    const reason = new Error("enough");
    const controller = new AbortController();
    const reader = server.client().search({ ...SINCE, signal: controller.signal });
    const first = failure(reader.next());
    await setTimeout(300);
    const begun = Date.now();
    controller.abort(reason);
    assert.equal(await first, reason);
    assert.ok(Date.now() - begun < 2000);
    assert.deepEqual(await reader.next(), { done: true, value: undefined });
    await asksNoMore(server);
    const aborted = server.client().search({ ...SINCE, signal: AbortSignal.abort(reason) });
    assert.equal(await failure(all(aborted)), reason);
  });

  test("asks no more once it is left", async (t) => {
    const server = await api(t, "--events", "20000");
    for await (const event of server.client({ pageSize: 10 }).search(SINCE)) {
      assert.ok(event.eventLogUuid);
      break;
    }
    await asksNoMore(server);
  });

  test("takes none of the threads that files are read by, nor the event loop's time", async (t) => {
    const server = await api(t, "--events", "100", "--fail", "100", "--faults", "timeout");
    const searches = Array.from({ length: 8 }, () => server.client().search(SINCE));
    const firsts = searches.map((search) => search.next());
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 5);
    await setTimeout(200);
    const begun = Date.now();
    await readFile(import.meta.filename);
    assert.ok(Date.now() - begun < 1000);
    clearInterval(timer);
    assert.ok(ticks > 10, `${ticks} ticks`);
    await Promise.all(searches.map((search) => search.return()));
    await settled(Promise.all(firsts));
  });

  test("ends with the worker that it is in", async (t) => {
    const server = await api(t, "--events", "100", "--fail", "100", "--faults", "timeout");
    const thread = worker(
      async ({ Client, collect }, port, options, into) => {
        const client = new Client(options);
        collect({ into, client, since: "92d", onProgress: () => undefined });
        port.postMessage("begun");
        await client.search({ since: "92d" }).next();
      },
      { baseUrl: server.url, ...KEYS },
      join(folder(t), "archive"),
    );
    await settled(new Promise((resolve) => thread.once("message", resolve)));
    await setTimeout(200);
    await settled(thread.terminate());
  });
});

/** No request comes any more, but for those that were on their way. */
async function asksNoMore(server) {
  await setTimeout(500);
  const { searches } = await server.state();
  assert.ok(searches > 0);
  await setTimeout(500);
  assert.equal((await server.state()).searches, searches);
}

describe("a client", () => {
  test("shows no secret", async (t) => {
    const server = await api(t, "--events", "10");
    const client = server.client();
    noSecret(client, { client }, client.search(SINCE));
    assert.match(inspect(client), /^Client/);
    await server.control("fail", { deny: 40100 });
    const search = await failure(all(client.search(SINCE)));
    const report = await collect({ into: join(folder(t), "archive"), client, ...SINCE });
    ours("REFUSED")(report.error);
    noSecret(search, report);
    const { appKey } = KEYS;
    const wrong = [() => new Client(appKey), () => collect({ into: "x", client: KEYS, ...SINCE })];
    wrong.push(() => read("s3://a", { storage: appKey }));
    for (const name of Object.keys(KEYS)) {
      wrong.push(() => new Client({ [name]: [KEYS[name]] }));
      wrong.push(() => read("s3://a", { storage: { [name]: [KEYS[name]] } }));
    }
    for (const one of wrong) {
      const error = await failure(one);
      ours("INVALID_OPTION")(error);
      noSecret(error);
    }
  });

  test("has its settings from options, the environment and a file", async (t) => {
    const server = await api(t, "--events", "10");
    const error = await failure(() => new Client());
    ours("INVALID_OPTION")(error);
    const config = join(folder(t), "config.toml");
    const settings = [
      `app_key = "${KEYS.appKey}"`,
      `access_key_id = "${KEYS.accessKeyId}"`,
      `secret_access_key = "${KEYS.secretAccessKey}"`,
    ];
    writeFileSync(config, `${settings.join("\n")}\n`, { mode: 0o600 });
    process.env.NHN_CLOUDTRAIL_BASE_URL = server.url;
    try {
      const client = new Client({ config: pathToFileURL(config) });
      assert.equal((await all(client.search(SINCE))).length, 10);
      // Keys from two places are not combined.
      const half = { config, accessKeyId: "other" };
      ours("INVALID_OPTION")(await failure(() => new Client(half)));
      const wrong = new Client({ ...half, secretAccessKey: KEYS.secretAccessKey });
      await assert.rejects(all(wrong.search(SINCE)), ours("REFUSED"));
      await assert.rejects(collect({ into: folder(t), ...SINCE }), ours("INVALID_OPTION"));
      const report = await collect({ into: join(folder(t), "archive"), config, ...SINCE });
      assert.equal(report.new, 10);
    } finally {
      delete process.env.NHN_CLOUDTRAIL_BASE_URL;
    }
  });

  test("warns of a file with keys that others may read", { skip: !isLinux }, async (t) => {
    const config = join(folder(t), "config.toml");
    writeFileSync(config, `app_key = "${KEYS.appKey}"\n`);
    chmodSync(config, 0o644);
    const warned = new Promise((resolve) => process.once("warning", resolve));
    new Client({ config, baseUrl: "https://x.example.com", api: "v1" });
    const warning = await settled(warned);
    assert.equal(warning.code, "EXPOSED_KEYS");
    assert.ok(warning.message.startsWith(config));
    noSecret(warning);
  });

  test("takes no options that make no sense", () => {
    const good = { baseUrl: "https://x.example.com", ...KEYS };
    assert.ok(new Client(good));
    const wrong = [
      [{ ...good, baseUrl: "http://x.example.com" }],
      [{ ...good, baseUrl: "x.example.com" }],
      [{ ...good, accessKeyId: undefined }, "v1"],
      [{ ...good, api: "v3" }, "v3"],
      [{ ...good, concurrency: 0 }],
      [{ ...good, concurrency: 1.5 }],
      [{ ...good, rate: 0 }],
      [{ ...good, rate: Number.NaN }],
      [{ ...good, retries: -1 }],
      [{ ...good, timeout: 0 }],
      [{ ...good, timeout: Infinity }],
      [{ ...good, pageSize: 1001 }],
      [{ ...good, baseURL: "x" }, "baseURL"],
      [7],
    ];
    for (const [options, said = ""] of wrong) {
      assert.throws(
        () => new Client(options),
        (error) => {
          noSecret(error);
          return ours("INVALID_OPTION")(error) && error.message.includes(said);
        },
        inspect(options),
      );
    }
    assert.throws(() => new Client({ config: "/nowhere.toml" }), ours("NOT_FOUND"));
    assert.throws(() => Client(good), TypeError);
  });
});

describe("collect", () => {
  test("keeps every event, once, and goes on where it stopped", async (t) => {
    const server = await api(t, "--events", "3000");
    const into = join(folder(t), "archive");
    const client = server.client();
    const progress = [];
    const first = await collect({
      into,
      client,
      ...SINCE,
      onProgress: (now) => progress.push(now),
    });
    const { error, isComplete, conflicts, rejected, gaps, objects } = first;
    assert.deepEqual(
      [error, isComplete, conflicts, rejected, gaps, objects],
      [null, true, 0, 0, [], 0],
    );
    assert.equal(first.new, 3000);
    assert.equal(first.fetched, first.new + first.known);
    assert.ok(first.requests > 1);
    assert.match(first.head, /^[0-9a-f]{64}$/);
    const last = progress.at(-1);
    assert.deepEqual(Object.keys(last).sort(), ["done", "fetched", "requests", "total"]);
    assert.ok(last.requests > 0 && last.done <= last.total);

    const again = await collect({ into: pathToFileURL(into), client, ...SINCE });
    assert.equal(again.new, 0);
    assert.ok(again.isComplete);
    assert.notEqual(again.head, first.head);

    const uuids = await server.uuids();
    assert.deepEqual(keysOf(await all(read(into))), uuids);
    assert.equal((await readTable(into)).rows, 3000);
    const reader = read(into, { kind: "delete", since: "30d" });
    for await (const event of reader) {
      assert.equal(event.action.kind, "delete");
    }
    const [raw] = await all(read(into));
    assert.equal(raw.toJSON().eventLogUuid, raw.eventLogUuid);

    const time = new Date(Date.now() - 40 * 86_400_000).toISOString();
    await server.control("insert", { time, count: 3 });
    const late = await collect({ into, client, ...SINCE });
    assert.equal(late.new, 3);

    const status = await archiveStatus(into);
    assert.equal(status.events, 3003);
    assert.equal(status.rejects, 0);
    assert.equal(status.head, late.head);
    assert.equal(
      status.days.reduce((sum, day) => sum + day.events, 0),
      3003,
    );
    assert.ok(status.days.every(({ date }) => date === null || /^\d{4}-\d\d-\d\d$/.test(date)));
    assert.ok(status.files >= status.days.length && status.bytes > 0);
    const [source] = status.sources;
    assert.ok(source.since instanceof Date && source.until > source.since);
    assert.deepEqual(source.gaps, []);
    assert.equal(status.lastRun.records.new, 3);
    assert.ok(status.lastRun.ended >= status.lastRun.begun);
    assert.deepEqual(status.lastRun.gaps, []);

    const verified = await verifyArchive(into, { head: first.head });
    const { isIntact, findings, interrupted, head, files, records, entries } = verified;
    assert.deepEqual([isIntact, findings, interrupted], [true, [], false]);
    assert.deepEqual([head, files, records], [late.head, status.files, 3003]);
    assert.ok(entries >= 3);
    noSecret(first, status, verified);
  });

  test("stops where the archive was rolled back to an older state", async (t) => {
    const server = await api(t, "--events", "20");
    const [into, old] = ["archive", "old"].map((name) => join(folder(t), name));
    const headFile = join(into, "../head.json");
    const run = () => collect({ into, client: server.client(), ...SINCE, headFile });
    await run();
    cpSync(into, old, { recursive: true });
    const { head } = await run();
    assert.equal(JSON.parse(readFileSync(headFile, "utf8")).head, head);
    assert.ok((await verifyArchive(into, { headFile })).isIntact);
    rmSync(into, { recursive: true });
    cpSync(old, into, { recursive: true });
    assert.ok((await verifyArchive(into)).isIntact);
    const verified = await verifyArchive(into, { headFile });
    assert.deepEqual([verified.findings.map(({ kind }) => kind), verified.settled], [["head"], 0]);
    ours("INVALID_ARCHIVE")(await failure(run()));
  });

  test("ends after its deadline, and keeps what came", async (t) => {
    const server = await api(t, "--events", "50");
    const options = { into: join(folder(t), "archive"), client: server.client(), ...SINCE };
    const { isComplete, error, gaps, warnings } = await collect({ ...options, deadline: 0 });
    assert.deepEqual([isComplete, error, warnings], [false, null, []]);
    assert.match(gaps[0].reason, /deadline/);
    await assert.rejects(collect({ ...options, deadline: -1 }), ours("INVALID_OPTION"));
    const { new: fresh } = await collect({ ...options, deadline: 600 });
    assert.equal(fresh, 50);
  });

  test("says what is missing, and why", async (t) => {
    const server = await api(t, "--events", "100");
    await server.control("fail", { deny: 40300 });
    const into = join(folder(t), "archive");
    const report = await collect({ into, client: server.client(), ...SINCE });
    assert.equal(report.isComplete, false);
    ours("REFUSED")(report.error);
    assert.ok(!report.error.message.includes("onError"), report.error.message);
    const [gap] = report.gaps;
    assert.ok(gap.since instanceof Date && gap.until > gap.since);
    assert.equal(gap.object, null);
    assert.ok(gap.reason.length > 10);
    assert.ok((await archiveStatus(into)).lastRun.gaps[0].since instanceof Date);
    await server.control("fail", { deny: null });
    const next = await collect({ into, client: server.client(), ...SINCE });
    assert.deepEqual([next.isComplete, next.new], [true, 100]);
  });

  test("ends with its signal; the next run has the rest", async (t) => {
    const server = await api(t, "--events", "3000");
    const into = join(folder(t), "archive");
    const controller = new AbortController();
    const reason = new Error("enough");
    const ended = failure(
      collect({
        into,
        client: server.client({ pageSize: 10, rate: 100 }),
        ...SINCE,
        signal: controller.signal,
      }),
    );
    await setTimeout(1500);
    const begun = Date.now();
    controller.abort(reason);
    assert.equal(await ended, reason);
    assert.ok(Date.now() - begun < 5000);
    await asksNoMore(server);
    const report = await collect({ into, client: server.client(), ...SINCE });
    assert.ok(report.isComplete);
    assert.deepEqual(keysOf(await all(read(into))), await server.uuids());
    assert.ok((await verifyArchive(into)).isIntact);
    const signal = AbortSignal.abort(reason);
    assert.equal(
      await failure(collect({ into, client: server.client(), ...SINCE, signal })),
      reason,
    );
  });

  test("tells of its progress some times a second, and ends with what that throws", async (t) => {
    const server = await api(t, "--events", "2000");
    const into = join(folder(t), "archive");
    const client = server.client({ pageSize: 20, rate: 50 });
    const times = [];
    const mine = new Error("mine");
    const onProgress = () => {
      times.push(Date.now());
      if (times.length === 8) {
        throw mine;
      }
    };
    assert.equal(await failure(collect({ into, client, ...SINCE, onProgress })), mine);
    assert.equal(times.length, 8);
    assert.ok(times.at(-1) - times[0] > 500, `${times}`);
  });

  test("is alone at an archive", async (t) => {
    const server = await api(t, "--events", "2000");
    const into = join(folder(t), "archive");
    const controller = new AbortController();
    const { signal } = controller;
    const slow = server.client({ pageSize: 10, rate: 20 });
    const first = failure(collect({ into, client: slow, ...SINCE, signal }));
    await setTimeout(500);
    const error = await failure(collect({ into, client: server.client(), ...SINCE }));
    ours("LOCKED")(error);
    assert.ok(!error.message.includes("onError"), error.message);
    controller.abort();
    assert.equal((await first).name, "AbortError");
    assert.ok((await collect({ into, client: server.client(), ...SINCE })).isComplete);
  });

  test("takes no options that make no sense", async (t) => {
    const { client } = await api(t, "--events", "1");
    const into = join(folder(t), "archive");
    const wrong = [
      [{ into }, "INVALID_OPTION"],
      [{ client: client(), ...SINCE }, "INVALID_OPTION"],
      [{ into, client: client() }, "INVALID_OPTION"],
      [{ into, client: {}, ...SINCE }, "INVALID_OPTION"],
      [{ into, client: client(), since: "94d" }, "INVALID_TIME"],
      [{ into, client: client(), since: "soon" }, "INVALID_TIME"],
      [{ into, client: client(), ...SINCE, tz: "Asia/Soul" }, "INVALID_OPTION"],
      [{ into, until: "1d", bucket: "s3://a" }, "INVALID_OPTION"],
      [{ into, bucket: "a/b" }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, exclude: ["a[b"] }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, exclude: [7] }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, onProgress: 7 }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, signal: 7 }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, lang: "fr" }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, catalog: {} }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, kind: "delete" }, "INVALID_OPTION"],
      [{ into, client: client(), ...SINCE, sign: "/nowhere.pem" }, "NOT_FOUND"],
      [{ into: new URL("https://x.example.com/"), client: client(), ...SINCE }, "INVALID_OPTION"],
    ];
    for (const [options, code] of wrong) {
      await assert.rejects(collect(options), ours(code), inspect(options, { depth: 1 }));
    }
  });
});

describe("an archive", () => {
  /** An archive, with its head. */
  async function archive(t, more) {
    const server = await api(t, "--events", "300");
    const into = join(folder(t), "archive");
    const { head } = await collect({ into, client: server.client(), ...SINCE, ...more });
    return { into, head };
  }

  test("in which a byte was flipped is found", async (t) => {
    const { into, head } = await archive(t);
    const files = readdirSync(into, { recursive: true }).map(String);
    const file = files.find((name) => name.endsWith(".parquet"));
    const bytes = readFileSync(join(into, file));
    const options = { verify: true, columns: ["event_id"] };
    const rows = (await readTable(join(into, file), options)).rows;
    assert.ok(rows > 0);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(join(into, file), bytes);
    await assert.rejects(readTable(join(into, file), options), ours("INVALID_TABLE"));
    const events = read(join(into, file), { verify: true });
    await assert.rejects(events[Symbol.asyncIterator]().next(), ours("INVALID_TABLE"));
    const { isIntact, findings } = await verifyArchive(into, { head });
    assert.equal(isIntact, false);
    assert.equal(findings.length, 1);
    assert.equal(findings[0].kind, "altered");
    assert.equal(findings[0].path, file.replaceAll("\\", "/"));
    assert.ok(findings[0].message);
  });

  test("of another head is found", async (t) => {
    const { into } = await archive(t);
    const { isIntact, findings } = await verifyArchive(into, { head: "0".repeat(63).concat("1") });
    assert.equal(isIntact, false);
    assert.ok(findings.some(({ kind }) => kind === "head"));
  });

  test("is signed, where there is a key", { skip: !isLinux }, async (t) => {
    const keys = folder(t);
    const [own, other] = ["own", "other"].map((name) => join(keys, name));
    for (const key of [own, other]) {
      execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", key]);
      execFileSync("openssl", ["pkey", "-in", key, "-pubout", "-out", `${key}.pub`]);
    }
    const { into } = await archive(t, { sign: own });
    assert.ok((await verifyArchive(into, { publicKey: `${own}.pub` })).isIntact);
    const { findings } = await verifyArchive(pathToFileURL(into), { publicKey: `${other}.pub` });
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ["signature"],
    );
    await assert.rejects(verifyArchive(into, { publicKey: own }), ours("INVALID_OPTION"));
    chmodSync(own, 0o644);
    const warned = new Promise((resolve) => process.once("warning", resolve));
    await archive(t, { sign: own });
    assert.equal((await settled(warned)).code, "EXPOSED_KEYS");
  });

  test("that there is not, is an error", async (t) => {
    const path = folder(t);
    for (const look of [verifyArchive, archiveStatus]) {
      await assert.rejects(look(join(path, "none")), ours("NOT_FOUND"));
      const error = await failure(look(path));
      ours("INVALID_ARCHIVE", { source: path })(error);
      assert.ok(!error.message.includes("onError"), error.message);
      await assert.rejects(look(7), ours("INVALID_OPTION"));
    }
    await assert.rejects(verifyArchive(path, { key: "" }), ours("INVALID_OPTION"));
    await assert.rejects(verifyArchive(path, { head: 7 }), ours("INVALID_OPTION"));
  });
});

test("sources of the config file are collected into one archive", async (t) => {
  const server = await api(t, "--events", "200");
  const path = folder(t);
  const config = join(path, "sources.toml");
  const one = `[[source]]\nname = "one"\nbase_url = "${server.url}"\napp_key = "${KEYS.appKey}"\n`;
  const keys = `access_key_id = "${KEYS.accessKeyId}"\nsecret_access_key = "${KEYS.secretAccessKey}"\n`;
  writeFileSync(config, `${one}${keys}[[source]]\nname = "two"\n`, { mode: 0o600 });
  const into = join(path, "archive");
  const both = await collect({ into, sources: "all", config, waitForLock: true, ...SINCE });
  assert.equal(both.new, 200);
  assert.match(both.error.message, /^two: /);
  assert.match(both.gaps[0].reason, /^two: /);
  const alone = await collect({ into, sources: ["one"], config, waitForLock: 500, ...SINCE });
  assert.ok(alone.isComplete);
  const { sources, buckets, lock } = await archiveStatus(into);
  assert.deepEqual([sources.map(({ name }) => name), buckets, lock], [["one"], [], null]);
  for (const wrong of [
    { sources: [] },
    { sources: "one" },
    { sources: ["three"] },
    { sources: "all", bucket: "s3://b" },
  ]) {
    await assert.rejects(collect({ into, config, ...SINCE, ...wrong }), ours("INVALID_OPTION"));
  }
  await assert.rejects(collect({ into, ...SINCE, waitForLock: -1 }), ours("INVALID_OPTION"));
});

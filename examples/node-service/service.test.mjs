import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { createService } from "./service.mjs";

const LOGS = join(process.env.EXAMPLES ?? join(import.meta.dirname, ".."), "logs");
const HOST = "127.0.0.1";
const DELETE = '{"eventId":"event_id.iaas.instance.delete","eventTime":"2026-10-01T00:00:00Z"}\n';
const CREATE = '{"eventId":"event_id.iaas.instance.create","eventTime":"2026-09-01T00:00:00Z"}\n';
/** What gzip begins with, and nothing that it goes on with. */
const DAMAGED = Buffer.concat([
  Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.alloc(2 ** 24, 255),
]);

/** 64 GiB of blanks in as many MiB. */
const BLANKS = Buffer.concat(Array(1024).fill(gzipSync(Buffer.alloc(2 ** 26, " "))));

/** The port of a service that ends with the test. */
async function serve(t, options) {
  const server = createService(options).listen(0, HOST);
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return server.address().port;
}

/** Answers are JSON whatever they say, and a browser takes them for nothing else. */
async function post(port, body, query = "", init = {}) {
  const url = `http://${HOST}:${port}/summary${query}`;
  const response = await fetch(url, { method: "POST", body, ...init });
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  return { status: response.status, headers: response.headers, json: await response.json() };
}

/** A request whose body is still being sent. */
function begin(port, piece, headers = {}) {
  const options = { host: HOST, port, path: "/summary", method: "POST", headers };
  const request = http.request(options);
  request.write(piece);
  const answer = once(request, "response").then(async ([response]) => {
    const text = Buffer.concat(await response.toArray()).toString();
    return { status: response.statusCode, headers: response.headers, json: JSON.parse(text) };
  });
  return { request, answer };
}

/** Until the server has the beginning of a body, which nothing tells but that there is room for no other. */
async function untilFull(port) {
  while ((await post(port, CREATE)).status !== 429) {
    await sleep(5);
  }
}

const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

describe("what is summed up", () => {
  const files = readdirSync(LOGS, { recursive: true }).filter((name) => /[^/]+\.json/.test(name));
  assert.ok(files.length > 10, "no sample logs");
  for (const name of files) {
    test(`a file: ${name}`, async (t) => {
      const port = await serve(t);
      const { status, json } = await post(port, readFileSync(join(LOGS, name)));
      assert.equal(status, 200);
      assert.ok(json.stats.events > 0);
      assert.equal(json.stats.rejects, 0);
      assert.equal(total(json.services), json.stats.events);
      assert.equal(total(json.kinds), json.stats.events);
      assert.equal(json.riskyChanges.first.length, Math.min(json.riskyChanges.count, 100));
    });
  }

  test("the counts are those of the text", async (t) => {
    const gzip = readFileSync(join(LOGS, "2026/10/29/01.jsonl.gz"));
    const text = gunzipSync(gzip).toString();
    const records = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const times = records.map((record) => new Date(record.eventTime).toISOString()).sort();
    const port = await serve(t);
    for (const [body, headers] of [
      [gzip, {}],
      [gzip, { "content-encoding": "gzip" }],
      [text, {}],
    ]) {
      const { json } = await post(port, body, "", { headers });
      assert.equal(json.stats.events, records.length);
      assert.deepEqual(json.times, { first: times[0], last: times.at(-1) });
    }
  });

  test("an API answer, with names that are HTML", async (t) => {
    const name = "<script>alert(1)</script>";
    const event = (id, minute, more) => ({
      eventId: `event_id.${id}`,
      eventTime: `2026-10-01T00:0${minute}:00Z`,
      ...more,
    });
    const header = { isSuccessful: false, resultCode: name };
    const content = [
      event("iaas.security_group_rule.create", 2, {
        userId: name,
        response: JSON.stringify({ header }),
      }),
      event("iaas.instance.create", 1, { userId: "kim" }),
      event("iaas.instance.delete", 3, { userName: "Lee" }),
      event("org.member.invite", 4),
      event("gamebase.member_delete", 5),
      event("nobody.knows.this", 6),
      event("role.user.list", 7),
    ];
    const answer = { header: { isSuccessful: true }, page: { content } };
    const port = await serve(t);
    const { status, json } = await post(port, JSON.stringify(answer, null, 2));
    assert.equal(status, 200);
    const risky = (at, user, name, outcome = "unknown") => {
      const { eventId, eventTime } = content[at];
      return { time: eventTime.replace("Z", ".000Z"), user, eventId, name, outcome };
    };
    assert.deepEqual(json, {
      stats: {
        records: 7,
        events: 7,
        rejects: 0,
        duplicates: 0,
        conflicts: 0,
        filtered: 0,
        unrecognized: 0,
        nulBytes: 0,
      },
      times: { first: "2026-10-01T00:01:00.000Z", last: "2026-10-01T00:07:00.000Z" },
      services: { infrastructure: 3, console: 1, role: 1, gamebase: 1, unknown: 1 },
      kinds: { create: 3, delete: 2, read: 1, unknown: 1 },
      failures: { [name]: 1 },
      riskyChanges: {
        count: 3,
        first: [
          risky(0, name, "Create Security Rule", "failure"),
          risky(2, "Lee", "Delete Instance"),
          risky(3, null, "Invite Organization Member"),
        ],
      },
    });
  });

  test("names without end are counted as one from the hundredth on", async (t) => {
    const record = (resultCode) => ({
      eventId: "event_id.iaas.instance.delete",
      response: { header: { isSuccessful: false, resultCode } },
    });
    const codes = ["__proto__", "x".repeat(1000), ...Array(298).keys()];
    const port = await serve(t);
    const { json } = await post(
      port,
      codes.map((code) => JSON.stringify(record(`${code}`))).join("\n"),
    );
    assert.equal(Object.keys(json.failures).length, 101);
    assert.equal(Object.entries(json.failures).find(([code]) => code === "__proto__")?.[1], 1);
    assert.equal(json.failures["x".repeat(200)], 1);
    assert.equal(json.failures.other, 200);
    assert.equal(json.riskyChanges.count, 300);
    assert.equal(json.riskyChanges.first.length, 100);
  });

  test("parameters are filters", async (t) => {
    const port = await serve(t);
    const unknown =
      '{"eventId":"event_id.nobody.knows","userName":"who?","eventTime":"2026-11-01T00:00:00Z"}\n';
    const log = DELETE + CREATE + unknown;
    for (const [query, events] of [
      ["", 3],
      ["?kind=delete", 1],
      ["?kind=delete&kind=create", 2],
      ["?since=2026-10-01", 2],
      ["?since=2026-10-01&until=2026-10-31", 1],
      ["?since=2026-10-01&tz=Asia/Seoul&kind=delete", 1],
      ["?event=*.create&service=infrastructure", 1],
      ["?known=false", 1],
      ["?known=true", 2],
      ["?user=who?", 1],
    ]) {
      const { status, json } = await post(port, log, query);
      assert.equal(status, 200, query);
      assert.equal(json.stats.events, events, query);
    }
  });

  test("nothing", async (t) => {
    const { status, json } = await post(await serve(t), "");
    assert.equal(status, 200);
    assert.equal(json.stats.records, 0);
    assert.deepEqual(json.times, { first: null, last: null });
  });
});

describe("what is refused", () => {
  test("parameters that make no sense", async (t) => {
    const port = await serve(t);
    for (const [query, words] of [
      ["?kind=delet", /create, read/],
      ["?since=soon", /since/],
      ["?ip=somewhere", /ip/],
      ["?service=nothing", /service/],
      ["?known=perhaps", /known/],
      ["?tz=UTC&tz=UTC", /tz/],
      ["?onError=collect", /raise or skip/],
      ["?limits=1", /no parameter limits.*kind/],
      ["?catalog=x", /no parameter catalog/],
      ["?__proto__=x", /no parameter __proto__/],
    ]) {
      const { status, json } = await post(port, DELETE, query);
      assert.equal(status, 400, query);
      assert.match(json.error, words);
    }
  });

  test("other paths and methods", async (t) => {
    const port = await serve(t);
    const get = (path, method = "GET") => fetch(`http://${HOST}:${port}${path}`, { method });
    assert.equal((await get("/")).status, 404);
    assert.equal((await get("/summary/more", "POST")).status, 404);
    const wrong = await get("/summary?kind=delete");
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("allow"), "POST");
    // Not a URL, though it comes as one.
    const [response] = await once(http.get({ host: HOST, port, path: "//" }), "response");
    assert.equal(response.resume().statusCode, 404);
  });

  test("what is no log", async (t) => {
    const port = await serve(t);
    const damaged = gzipSync(DELETE).fill(255, 10);
    for (const [body, code] of [
      ["<html>no</html>", "NOT_A_LOG"],
      ["Dear all,\nthe log is late.\n", "NOT_A_LOG"],
      [damaged, "BAD_COMPRESSION"],
    ]) {
      const { status, json } = await post(port, body);
      assert.equal(status, 400);
      assert.equal(json.code, code);
      assert.deepEqual(Object.keys(json), ["error", "code", "record", "line", "byte"]);
    }
  });

  test("an API answer that says it failed", async (t) => {
    const header = { isSuccessful: false, resultCode: -4003, resultMessage: "No such project" };
    const { status, json } = await post(await serve(t), JSON.stringify({ header }));
    assert.equal(status, 400);
    assert.equal(json.code, "API_FAILURE");
    assert.match(json.error, /-4003.*No such project/);
  });

  test("a record that cannot be read is counted, or refused with its place", async (t) => {
    const port = await serve(t);
    const log = `${DELETE}{"eventId":}\n${CREATE}`;
    const { status, json } = await post(port, log);
    assert.equal(status, 200);
    assert.deepEqual([json.stats.events, json.stats.rejects], [2, 1]);
    const refused = await post(port, log, "?onError=raise");
    assert.equal(refused.status, 400);
    const { error, ...place } = refused.json;
    assert.deepEqual(place, { code: "INVALID_JSON", record: 2, line: 2, byte: DELETE.length });
  });

  test("a record that is too large", async (t) => {
    const port = await serve(t, { recordBytes: 1000 });
    const log = `${DELETE}{"userName":"${"x".repeat(1000)}"}\n${CREATE}`;
    const { json } = await post(port, log);
    assert.deepEqual([json.stats.events, json.stats.rejects], [2, 1]);
    const refused = await post(port, log, "?onError=raise");
    assert.equal(refused.status, 413);
    assert.equal(refused.json.code, "RECORD_TOO_LARGE");
    assert.equal(refused.json.line, 2);
  });

  test("a body that is too large, though its length is not told before", async (t) => {
    const port = await serve(t, { maxBytes: 10_000 });
    const exact = `${" ".repeat(10_000 - DELETE.length)}${DELETE}`;
    assert.equal((await post(port, exact)).status, 200);
    const { request, answer } = begin(port, exact);
    request.end(" ");
    assert.equal((await answer).status, 413);
  });

  test("a client that sends all before it reads sees why", async (t) => {
    const port = await serve(t);
    const socket = connect(port, HOST).pause();
    t.after(() => socket.destroy());
    const length = `Content-Length: ${DAMAGED.length}`;
    socket.write(`POST /summary HTTP/1.1\r\nHost: ${HOST}\r\n${length}\r\n\r\n`);
    await new Promise((resolve, reject) => {
      socket.write(DAMAGED, (error) => (error ? reject(error) : resolve()));
    });
    let answer = "";
    for await (const piece of socket) {
      answer += piece;
      if (answer.includes("}\n")) {
        break;
      }
    }
    assert.match(answer, /^HTTP\/1.1 400 [\s\S]*BAD_COMPRESSION/);
  });
});

describe("bodies that stop, and bodies at once", () => {
  test("a log that ends inside a record", async (t) => {
    const { status, json } = await post(await serve(t), DELETE + CREATE.slice(0, 20));
    assert.equal(status, 200);
    assert.deepEqual([json.stats.events, json.stats.rejects], [1, 1]);
  });

  test("a client that goes away makes room", async (t) => {
    const errors = t.mock.method(console, "error", () => undefined);
    const port = await serve(t, { maxBodies: 1 });
    for (const headers of [{}, { "content-length": 10_000 }]) {
      const { request, answer } = begin(port, DELETE, headers);
      await untilFull(port);
      request.destroy();
      await assert.rejects(answer, { code: "ECONNRESET" });
      while ((await post(port, CREATE)).status !== 200) {
        await sleep(5);
      }
    }
    assert.equal(errors.mock.callCount(), 0);
  });

  test("a client that takes too long is told so", async (t) => {
    const port = await serve(t, { timeout: 100 });
    const { request, answer } = begin(port, DELETE);
    const { status, headers } = await answer;
    request.destroy();
    assert.equal(status, 408);
    assert.equal(headers.connection, "close");
  });

  test("a few bytes that are very many do not take longer either", async (t) => {
    const port = await serve(t, { timeout: 200 });
    assert.equal((await post(port, BLANKS)).status, 408);
  });

  test("each of many gets its own answer", async (t) => {
    const port = await serve(t, { maxBodies: 50 });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        post(
          port,
          DELETE.repeat(index * 20) + CREATE.repeat(index),
          `?kind=${index % 2 ? "delete" : "create"}`,
        ),
      ),
    );
    for (const [index, { status, json }] of answers.entries()) {
      assert.equal(status, 200);
      assert.equal(json.stats.events, index % 2 ? index * 20 : index);
    }
  });

  test("one too many is told to come again", async (t) => {
    const port = await serve(t, { maxBodies: 2 });
    const begun = [begin(port, DELETE), begin(port, DELETE)];
    await untilFull(port);
    const { status, headers, json } = await post(port, DELETE);
    assert.equal(status, 429);
    assert.equal(headers.get("retry-after"), "1");
    assert.match(json.error, /2 logs/);
    for (const { request, answer } of begun) {
      request.end(CREATE);
      assert.equal((await answer).json.stats.events, 2);
    }
    assert.equal((await post(port, DELETE)).status, 200);
  });
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`${signal} has the server finish what has begun`, {
    skip: process.platform === "win32",
  }, async (t) => {
    const env = { ...process.env, PORT: "0" };
    const child = spawn(process.execPath, [join(import.meta.dirname, "server.mjs")], { env });
    t.after(() => child.kill("SIGKILL"));
    const exit = once(child, "exit");
    const [line] = await once(createInterface(child.stdout), "line");
    const port = Number(/port: (\d+)/.exec(line)[1]);
    const { request, answer } = begin(port, DELETE);
    // Another connection is answered only after the first has been taken.
    assert.equal((await post(port, CREATE)).status, 200);
    child.kill(signal);
    const refused = async () => {
      try {
        await post(port, CREATE);
        return false;
      } catch (error) {
        return error.cause?.code === "ECONNREFUSED";
      }
    };
    while (!(await refused())) {
      await sleep(5);
    }
    request.end(CREATE);
    const { status, headers, json } = await answer;
    assert.deepEqual([status, headers.connection, json.stats.events], [200, "close", 2]);
    assert.deepEqual(await exit, [0, null]);
  });
}

// Options: filters one by one, what is refused, and what the others do.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { catalog, eventStream, parse, read, readTable } from "nhn-cloudtrail";
import { all, failure, folder, lines, numbered, numbersOf, ours, settled } from "./support.mjs";

const RECORDS = [
  {
    eventLogUuid: "1",
    eventId: "event_id.iaas.instance.create",
    eventTime: "2026-01-10T00:00:00.000Z",
    eventSourceType: "USER_CONSOLE",
    userId: "kim@example.com",
    userIp: "10.0.0.7",
    projectId: "p-1",
    projectName: "운영",
    region: "KR1",
    request: '{"name":"web-1"}',
    response: '{"header":{"isSuccessful":true}}',
  },
  {
    eventLogUuid: "2",
    eventId: "event_id.iaas.instance.delete",
    eventTime: "2026-01-11T15:30:00.000Z",
    eventSourceType: "API",
    userName: "이영희",
    userIp: "192.168.1.1",
    projectId: "p-2",
    region: "KR2",
    response: '{"header":{"isSuccessful":false,"resultMessage":"no such web-2"}}',
  },
  {
    eventLogUuid: "3",
    eventId: "event_id.iam.member.role.update",
    eventTime: "2026-01-12T00:00:00.000Z",
    userIdNo: "uuid-3",
    userIp: "2001:db8::1",
  },
  { eventLogUuid: "4", eventId: "event_id.rds_for_mysql.widget.delete.start" },
  { eventLogUuid: "5" },
];
const TEXT = lines(...RECORDS);

/** The numbers of the records that pass, in every way of reading; all must agree. */
async function passing(options) {
  const numbers = numbersOf(parse(TEXT, options));
  const reader = read(TEXT, options);
  assert.deepEqual(numbersOf(await all(reader)), numbers);
  assert.equal(reader.stats.events, numbers.length);
  assert.equal(reader.stats.filtered, RECORDS.length - numbers.length);
  assert.equal(reader.stats.records, numbers.length);
  const table = await readTable(TEXT, options);
  assert.equal(table.rows, numbers.length);
  assert.deepEqual({ ...table.stats }, { ...reader.stats });
  const stream = eventStream(options);
  stream.end(TEXT);
  assert.deepEqual(numbersOf(await all(stream)), numbers);
  return numbers;
}

/** That every way of reading refuses options, with a message that has these words. */
async function refused(options, code, words) {
  const errors = {
    parse: await failure(() => parse(TEXT, options)),
    read: await failure(() => void read(TEXT, options)),
    readTable: await failure(readTable(TEXT, options)),
  };
  for (const [name, error] of Object.entries(errors)) {
    ours(code)(error);
    assert.ok(error.message.includes(words), `${name}: ${error.message}`);
  }
}

describe("filters", () => {
  const FILTERS = [
    [{ event: "event_id.iaas.instance.create" }, [1]],
    [{ event: "event_id.iaas.*" }, [1, 2]],
    [{ event: "*.delete*" }, [2, 4]],
    [{ event: ["event_id.iam.*", "*.create"] }, [1, 3]],
    [{ service: "infrastructure" }, [1, 2]],
    [{ service: ["rds-for-mysql", "infrastructure"] }, [1, 2, 4]],
    [{ kind: "delete" }, [2, 4]],
    [{ kind: ["create", "update"] }, [1, 3]],
    [{ phase: "started" }, [4]],
    [{ phase: "none" }, [1, 2, 3]],
    [{ phase: ["none", "started"] }, [1, 2, 3, 4]],
    [{ outcome: "success" }, [1]],
    [{ outcome: ["success", "failure"] }, [1, 2]],
    [{ outcome: "unknown" }, [3, 4, 5]],
    [{ sourceType: "API" }, [2]],
    [{ sourceType: ["API", "USER_CONSOLE"] }, [1, 2]],
    [{ user: "KIM@example.com" }, [1]],
    [{ user: ["이영희", "uuid-3"] }, [2, 3]],
    [{ ip: "10.0.0.7" }, [1]],
    [{ ip: ["10.0.0.0/8", "2001:db8::/32"] }, [1, 3]],
    [{ project: "p-2" }, [2]],
    [{ project: ["운영", "P-2"] }, [1, 2]],
    [{ region: "kr1" }, [1]],
    [{ region: ["KR1", "KR2"] }, [1, 2]],
    [{ since: "2026-01-12" }, [3]],
    [{ since: new Date("2026-01-11T15:30:00.000Z") }, [2, 3]],
    [{ since: new Date("2026-01-11T15:30:00.001Z") }, [3]],
    [{ since: Date.parse("2026-01-11T15:30:00.000Z") }, [2, 3]],
    [{ since: Date.parse("2026-01-11T15:30:00.001Z") }, [3]],
    [{ since: "2026-01", until: "2026-01" }, [1, 2, 3]],
    [{ since: "2026-01-12T00:30+09:00" }, [2, 3]],
    [{ until: "2026-01-11" }, [1, 2]],
    [{ until: new Date("2026-01-11T15:30:00.000Z") }, [1]],
    [{ since: "2026-01-12", tz: "Asia/Seoul" }, [2, 3]],
    [{ since: "2026-01-11", until: "2026-01-11" }, [2]],
    [{ since: "1d" }, []],
    [{ known: true }, [1, 2, 3]],
    [{ known: false }, [4, 5]],
    [{ text: "web-" }, [1, 2]],
    [{ text: ["web-2", "nowhere"] }, [2]],
    [{ text: "WEB-1" }, []],
    [{ kind: "delete", outcome: "failure" }, [2]],
    [{ kind: "create", outcome: "failure" }, []],
    [{ event: undefined, known: undefined, since: undefined }, [1, 2, 3, 4, 5]],
    [{}, [1, 2, 3, 4, 5]],
    [undefined, [1, 2, 3, 4, 5]],
  ];
  for (const [options, numbers] of FILTERS) {
    test(JSON.stringify(options) ?? "none", async () => {
      assert.deepEqual(await passing(options), numbers);
    });
  }
});

describe("what makes no sense", () => {
  const WRONG = [
    [{ kind: "delte" }, "INVALID_FILTER", "delete"],
    [{ kind: ["create", "delte"] }, "INVALID_FILTER", "delte"],
    [{ service: "no-such" }, "INVALID_FILTER", "no-such"],
    [{ phase: "begun" }, "INVALID_FILTER", "started"],
    [{ outcome: "ok" }, "INVALID_FILTER", "success"],
    [{ ip: "10.0.0" }, "INVALID_FILTER", "10.0.0"],
    [{ since: "soon" }, "INVALID_TIME", "soon"],
    [{ until: "2026-13-01" }, "INVALID_TIME", "2026-13-01"],
    [{ since: new Date(Number.NaN) }, "INVALID_TIME", "since"],
    [{ until: new Date("x") }, "INVALID_TIME", "until"],
    [{ tz: "Mars/Base" }, "INVALID_OPTION", "Mars/Base"],
    [{ lang: "fr" }, "INVALID_OPTION", "ko, en, ja"],
    [{ onError: "ignore" }, "INVALID_OPTION", "skip"],
    [{ limits: { recordBytes: 0 } }, "INVALID_OPTION", "bytes"],
    [{ limits: { depth: 0 } }, "INVALID_OPTION", "nesting"],
    [{ limits: { depth: 1e9 } }, "INVALID_OPTION", "nesting"],
    [{ limits: { bytes: 1 } }, "INVALID_OPTION", "recordBytes"],
    [{ recordPath: "a..b" }, "INVALID_OPTION", "recordPath"],
    [{ recordPath: "" }, "INVALID_OPTION", "a name is empty"],
    [{ recordPath: ["a"] }, "INVALID_OPTION", "text is wanted"],
    [{ onerror: "skip" }, "INVALID_OPTION", "onError"],
    [{ source_type: "API" }, "INVALID_OPTION", "sourceType"],
    [{ toString: "x" }, "INVALID_OPTION", "toString"],
    [{ catalog: {} }, "INVALID_OPTION", "catalog"],
  ];
  for (const [options, code, words] of WRONG) {
    test(`${JSON.stringify(options)} is ${code}`, () => refused(options, code, words));
  }

  for (const name of ["event", "service", "kind", "phase", "outcome", "sourceType", "user"]) {
    test(`an empty list of ${name}`, () => refused({ [name]: [] }, "INVALID_FILTER", name));
  }
  for (const name of ["ip", "project", "region", "text"]) {
    test(`an empty list of ${name}`, () => refused({ [name]: [] }, "INVALID_FILTER", name));
  }
  for (const name of ["user", "project", "region", "text"]) {
    test(`empty text for ${name}`, () => refused({ [name]: "" }, "INVALID_FILTER", name));
  }

  const TYPES = [
    [{ event: 5 }, "event"],
    [{ user: ["kim", 5] }, "user"],
    [{ text: [["a"]] }, "text"],
    [{ kind: {} }, "kind"],
    [{ since: [1767225600000] }, "since"],
    [{ known: "true" }, "known"],
    [{ known: [true] }, "known"],
    [{ dedup: 1 }, "dedup"],
    [{ tz: 9 }, "tz"],
    [{ lang: ["ko"] }, "lang"],
    [{ onError: true }, "onError"],
    [{ limits: { depth: 1.5 } }, "limits.depth"],
    [{ limits: { depth: "9" } }, "limits.depth"],
    [{ limits: { recordBytes: -1 } }, "limits.recordBytes"],
    [{ limits: { recordBytes: Number.NaN } }, "limits.recordBytes"],
    [null, "options"],
    ["ko", "options"],
  ];
  for (const [options, words] of TYPES) {
    test(`the type of ${JSON.stringify(options)}`, () => refused(options, "INVALID_OPTION", words));
  }

  test("limits that are no object", () => refused({ limits: 5 }, "INVALID_OPTION", "limits"));

  test("a Date where no time is wanted", () =>
    refused({ user: new Date() }, "INVALID_OPTION", "user"));

  test("several times where one is wanted", () =>
    refused({ since: ["2026-01-01", "2026-02-01"] }, "INVALID_OPTION", "since"));

  test("options of the others", async () => {
    const { signal } = new AbortController();
    assert.throws(() => parse(TEXT, { signal }), ours("INVALID_OPTION"));
    assert.throws(() => parse(TEXT, { onError: "collect" }), ours("INVALID_OPTION"));
    for (const option of [{ columns: ["event_id"] }, { threads: 1 }]) {
      assert.throws(() => parse(TEXT, option), ours("INVALID_OPTION"));
      assert.throws(() => read(TEXT, option), ours("INVALID_OPTION"));
    }
    assert.throws(() => read(TEXT, { signal: {} }), ours("INVALID_OPTION"));
    assert.throws(() => parse(TEXT, { verify: true }), ours("INVALID_OPTION"));
    assert.throws(() => read(TEXT, { verify: 1 }), ours("INVALID_OPTION"));
    for (const option of [{ columns: ["nope"] }, { columns: [5] }, { threads: -1 }]) {
      await assert.rejects(readTable(TEXT, option), ours("INVALID_OPTION"));
    }
    await assert.rejects(readTable(TEXT, { columns: ["known", "known"] }), ours("INVALID_OPTION"));
  });

  test("eventStream throws at once, too", () => {
    for (const options of [{ nope: 1 }, { lang: "fr" }, { onError: "x" }]) {
      assert.throws(() => eventStream(options), ours("INVALID_OPTION"));
    }
  });

  test("eventStream throws at once, also for values of filters and limits", () => {
    assert.throws(() => eventStream({ kind: "delte" }), ours("INVALID_FILTER"));
    assert.throws(() => eventStream({ limits: { depth: 0 } }), ours("INVALID_OPTION"));
  });

  test("a table of a stream is refused before the stream is read", async () => {
    let pulled = 0;
    function* source() {
      pulled += 1;
      yield TEXT;
    }
    for (const options of [{ nope: 1 }, { kind: "delte" }, { columns: ["nope"] }]) {
      await failure(readTable(source(), options));
    }
    assert.equal(pulled, 0);
  });

  test("a web stream stays free where the options are refused", () => {
    const stream = new ReadableStream({});
    assert.throws(() => read(stream, { kind: "delte" }), ours("INVALID_FILTER"));
    assert.equal(stream.locked, false);
  });

  test("sources", async () => {
    for (const source of [null, undefined, 5, {}, [], [1], ["path", TEXT], () => undefined]) {
      assert.throws(() => read(source), ours("INVALID_OPTION"));
      await assert.rejects(readTable(source), ours("INVALID_OPTION"));
    }
    for (const data of [null, undefined, 5, {}, [TEXT], Symbol("x")]) {
      assert.throws(() => parse(data), ours("INVALID_OPTION"));
    }
  });

  test("a URL that is no file's", () => {
    assert.throws(() => read(new URL("https://example.com/log")), ours("INVALID_OPTION"));
  });
});

describe("onError", () => {
  const text = lines({ eventLogUuid: "1" }, "broken", { eventLogUuid: "3" });

  test("raise", async () => {
    for (const onError of [undefined, "raise"]) {
      assert.throws(() => parse(text, { onError }), ours("INVALID_JSON", { record: 2 }));
      const reader = read(text, { onError });
      assert.equal((await reader.next()).value.eventLogUuid, "1");
      await assert.rejects(settled(reader.next()), ours("INVALID_JSON", { record: 2 }));
      assert.deepEqual(await reader.next(), { done: true, value: undefined });
    }
  });

  test("skip", async () => {
    assert.deepEqual(numbersOf(parse(text, { onError: "skip" })), [1, 3]);
    const reader = read(text, { onError: "skip" });
    assert.deepEqual(numbersOf(await all(reader)), [1, 3]);
    assert.deepEqual([reader.rejects, reader.errors], [[], []]);
    assert.equal(reader.stats.rejects, 1);
  });

  test("collect", async () => {
    const reader = read(text, { onError: "collect" });
    assert.deepEqual(numbersOf(await all(reader)), [1, 3]);
    const [{ message, raw, ...reject }, ...more] = reader.rejects;
    assert.deepEqual(more, []);
    const position = { source: null, record: 2, line: 2, byte: 21 };
    assert.deepEqual(reject, { position, code: "INVALID_JSON", length: 6 });
    assert.ok(message.length > 0);
    assert.equal(Buffer.from(raw).toString(), "broken");
  });

  test("what is wrong with a whole source", async (t) => {
    const path = folder(t, { "a.log": "no log", "b.log": numbered(1, 3) });
    for (const onError of ["skip", "collect"]) {
      const reader = read(path, { onError });
      assert.deepEqual(numbersOf(await all(reader)), [1, 2]);
      assert.equal(reader.errors.length, 1);
      ours("NOT_A_LOG", { source: `${path}/a.log` })(reader.errors[0]);
    }
    await assert.rejects(all(read(path)), ours("NOT_A_LOG"));
    assert.throws(() => parse("no log", { onError: "skip" }), ours("NOT_A_LOG"));
  });
});

describe("limits", () => {
  test("bytes of a record", () => {
    const text = lines({ eventLogUuid: "1" }, { a: "x".repeat(100) });
    const limits = { recordBytes: 50 };
    assert.throws(() => parse(text, { limits }), ours("RECORD_TOO_LARGE", { record: 2, line: 2 }));
    assert.deepEqual(numbersOf(parse(text, { limits, onError: "skip" })), [1]);
    assert.equal(parse(text, { limits: { recordBytes: 200 } }).length, 2);
  });

  test("a megabyte more than by default", async () => {
    const text = lines({ region: "KR1", a: "x".repeat(17 * 2 ** 20) });
    assert.throws(() => parse(text), ours("RECORD_TOO_LARGE"));
    const limits = { recordBytes: 18 * 2 ** 20 };
    const [event] = await all(read(text, { limits }));
    assert.equal(event.extra.a.length, 17 * 2 ** 20);
    assert.equal(event.key.length, 64);
  });

  test("depth", () => {
    const nested = (depth) => `${'{"request":'.repeat(depth)}1${"}".repeat(depth)}`;
    assert.equal(parse(nested(128)).length, 1);
    assert.throws(() => parse(nested(129)), ours("RECORD_TOO_DEEP", { record: 1 }));
    assert.equal(parse(nested(129), { limits: { depth: 200 } }).length, 1);
    assert.throws(() => parse(nested(4), { limits: { depth: 3 } }), ours("RECORD_TOO_DEEP"));
  });
});

test("dedup", async () => {
  const text = lines(
    { eventLogUuid: "1", region: "KR1" },
    '{"region": "KR1", "eventLogUuid": "1"}',
    { eventLogUuid: "1", region: "KR2" },
    { eventLogUuid: "2" },
    "broken",
    { eventLogUuid: "2" },
  );
  const options = { dedup: true, onError: "collect" };
  const reader = read(text, options);
  assert.deepEqual(numbersOf(await all(reader)), [1, 1, 2]);
  const counts = {
    records: 6,
    events: 3,
    rejects: 1,
    duplicates: 2,
    conflicts: 1,
    filtered: 0,
    unrecognized: 0,
    nulBytes: 0,
  };
  assert.deepEqual({ ...reader.stats }, counts);
  assert.deepEqual({ ...(await readTable(text, options)).stats }, counts);
  assert.equal(parse(text, { dedup: true, onError: "skip" }).length, 3);
  assert.equal(parse(text, { dedup: false, onError: "skip" }).length, 5);
});

describe("catalog", () => {
  const overlay = catalog.withOverlay(
    "event_id\tservices\tname_ko\tname_en\tname_ja\n" +
      "event_id.rds_for_mysql.widget.delete.start\tiam\t위젯\tWidget\tウィジェット\n",
  );

  test("an overlay is what events mean", async () => {
    const [, , , event] = parse(TEXT, { catalog: overlay });
    assert.deepEqual([event.known, event.name("en"), event.service], [true, "Widget", "iam"]);
    const [, , , without] = parse(TEXT);
    assert.deepEqual([without.known, without.name("en")], [false, null]);
    // What is remembered of one catalog is not what another says.
    assert.equal(event.name("ja"), "ウィジェット");
    const [read_] = await all(read(TEXT, { catalog: overlay, lang: "en", phase: "started" }));
    assert.equal(read_.name(), "Widget");
  });

  test("an overlay is what filters mean", async () => {
    assert.deepEqual(await passing({ catalog: overlay, known: true }), [1, 2, 3, 4]);
    assert.deepEqual(await passing({ catalog: overlay, service: "rds-for-mysql" }), []);
  });
});

test("known tells of every event whether the catalog has it", () => {
  for (const event of parse(TEXT)) {
    if (event.known) {
      assert.equal(catalog.has(event.eventId), true);
      assert.equal(typeof event.name(), "string");
      assert.equal(typeof event.service, "string");
      assert.equal(typeof event.action.kind, "string");
    } else {
      assert.equal(catalog.has(event.eventId ?? ""), false);
      assert.equal(event.name(), null);
    }
  }
});

test("recordPath", async () => {
  const text = JSON.stringify({
    took: 1,
    hits: [
      { body: '{"eventLogUuid":"1"}' },
      { body: { eventLogUuid: "2" } },
      { body: { mine: 3 } },
    ],
  });
  const options = { recordPath: "hits[].body" };
  const reader = read(Buffer.from(text), options);
  const events = await all(reader);
  assert.deepEqual(numbersOf(events), [1, 2, 0]);
  assert.deepEqual([reader.stats.events, reader.stats.unrecognized], [3, 1]);
  assert.deepEqual(
    events.map((event) => event.isRecognized),
    [true, true, false],
  );
  assert.deepEqual(numbersOf(parse(text, options)), [1, 2, 0]);
  assert.equal((await readTable(Buffer.from(text), options)).rows, 3);
});

test("records that were converted", async () => {
  const kinds = [
    (n) => `{"eventLogUuid":"${n}","userId":"user ${n}","mine":${n}}`,
    (n) => JSON.stringify({ message: `{"eventLogUuid":"${n}","userId":"user ${n}","mine":${n}}` }),
    (n) => `{"event_log_uuid":"${n}","user_id":"user ${n}","extra":{"mine":${n}}}`,
  ];
  // In the text first, made of it first, and in turns; more than a batch of each.
  const orders = [(n) => (n < 5000 ? 0 : n % 3), (n) => (n < 5000 ? 2 : 0), (n) => n % 3];
  for (const order of orders) {
    const numbers = Array.from({ length: 12_000 }, (_, number) => number);
    const text = Buffer.from(
      numbers.map((n) => `${n % 1000 === 7 ? "broken\n" : ""}${kinds[order(n)](n)}\n`).join(""),
    );
    const reader = read(text, { onError: "collect" });
    const events = await all(reader);
    assert.equal(reader.rejects.length, 12);
    assert.deepEqual(
      reader.rejects.map(({ position }) => position.record),
      numbers.slice(0, 12).map((n) => n * 1000 + 8 + n),
    );
    for (const found of [events, parse(text, { onError: "skip" })]) {
      assert.deepEqual(numbersOf(found), numbers);
      for (const [n, event] of found.entries()) {
        assert.equal(event.userId, `user ${n}`);
        assert.equal(event.isRecognized, true);
        assert.equal(JSON.parse(event.raw).eventLogUuid, `${n}`);
        assert.equal(event.position.record, n + 1 + Math.ceil((n - 6) / 1000));
      }
      const last = found.at(-1);
      assert.deepEqual(last.extra, { mine: 11_999 });
      assert.ok(last.detach().equals(last) && last.detach().isRecognized);
    }
  }
});

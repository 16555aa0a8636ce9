// Events: every property and method, and texts of every sort.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { catalog, Event, parse, read } from "nhn-cloudtrail";
import { all, failure, lines, ours } from "./support.mjs";

const RECORD = {
  eventTime: "2026-03-01T09:30:15.250+0900",
  eventId: "event_id.iaas.instance.create",
  eventSourceType: "USER_CONSOLE",
  userIdNo: "11111111-2222-3333-4444-555555555555",
  userId: "kim@example.com",
  userName: "김철수",
  userIp: "203.0.113.7",
  userAgent: "Mozilla/5.0",
  productId: "prod",
  region: "KR1",
  orgId: "org",
  projectId: "project",
  projectName: "프로젝트",
  appKey: "appkey",
  tenantId: "tenant",
  eventLogUuid: "99999999-0000-0000-0000-000000000000",
  request: '{"size":20,"tags":["가"]}',
  response: '{"header":{"isSuccessful":false,"resultCode":-1011,"resultMessage":"권한 없음 😀"}}',
  eventTarget: {
    targetMembers: [
      { idNo: "m-1", name: "이영희", userCode: 17, emailAddress: "lee@example.com" },
      { idNo: "m-2" },
    ],
  },
  team: { name: "운영", size: 3 },
};

/** The fields whose value is the text in the record, by whatever way it is read. */
const TEXTS = [
  "eventId",
  "eventSourceType",
  "userIdNo",
  "userId",
  "userName",
  "userIp",
  "userAgent",
  "productId",
  "region",
  "orgId",
  "projectId",
  "projectName",
  "appKey",
  "tenantId",
  "eventLogUuid",
  "request",
  "response",
];

const FLAT = {
  eventTime: "2026-03-01T00:30:15.250Z",
  eventId: "event_id.iaas.instance.create",
  eventName: "인스턴스 생성",
  service: "infrastructure",
  resource: "instance",
  verb: "create",
  kind: "create",
  phase: null,
  outcome: "failure",
  resultCode: "-1011",
  resultMessage: "권한 없음 😀",
  eventSourceType: RECORD.eventSourceType,
  userId: RECORD.userId,
  userName: RECORD.userName,
  userIdNo: RECORD.userIdNo,
  userIp: RECORD.userIp,
  userAgent: RECORD.userAgent,
  region: RECORD.region,
  orgId: RECORD.orgId,
  projectId: RECORD.projectId,
  projectName: RECORD.projectName,
  productId: RECORD.productId,
  appKey: RECORD.appKey,
  tenantId: RECORD.tenantId,
  targetMembers: [
    { idNo: "m-1", name: "이영희", userCode: "17", emailAddress: "lee@example.com" },
    { idNo: "m-2", name: null, userCode: null, emailAddress: null },
  ],
  eventLogUuid: RECORD.eventLogUuid,
  request: RECORD.request,
  response: RECORD.response,
  extra: { team: { name: "운영", size: 3 } },
  known: true,
};

/** The event of a record. One without any wire field is read only beside others. */
function one(record, options) {
  const text = typeof record === "string" ? Buffer.from(record) : lines(record);
  const after = '\n{"eventId":"after"}';
  const [event, ...more] = parse(Buffer.concat([text, Buffer.from(after)]), options);
  assert.deepEqual(
    more.map(({ eventId }) => eventId),
    ["after"],
  );
  return event;
}

/** All that an event says. */
function said(event) {
  const { action, problems, extra, extraJson, raw, position, key, known, eventTime } = event;
  const names = ["ko", "en", "ja"].map((lang) => event.name(lang));
  const more = { action, problems, extra, extraJson, position, key, known, eventTime };
  return { ...event.toJSON(), ...more, names, raw: raw.toString() };
}

describe("properties", () => {
  test("texts", () => {
    const event = one(RECORD);
    for (const name of TEXTS) {
      assert.equal(event[name], RECORD[name], name);
    }
  });

  test("eventTime is a Date of its own", () => {
    const event = one(RECORD);
    assert.ok(event.eventTime instanceof Date);
    assert.equal(event.eventTime.getTime(), Date.UTC(2026, 2, 1, 0, 30, 15, 250));
    event.eventTime.setFullYear(1999);
    assert.equal(event.eventTime.getUTCFullYear(), 2026);
  });

  test("targetMembers", () => {
    assert.deepEqual(one(RECORD).targetMembers, FLAT.targetMembers);
    assert.deepEqual(one({ eventTarget: { targetMembers: [] } }).targetMembers, []);
  });

  test("what the catalog says", () => {
    const event = one(RECORD);
    assert.equal(event.known, true);
    assert.equal(event.service, "infrastructure");
    assert.equal(event.resource, "instance");
    assert.deepEqual(event.action, {
      verb: "create",
      kind: "create",
      phase: null,
      provenance: catalog.get(RECORD.eventId).action.provenance,
    });
  });

  test("actions are shared, so they cannot be changed", () => {
    assert.throws(() => {
      one(RECORD).action.kind = "delete";
    }, TypeError);
  });

  test("how the call went", () => {
    const { outcome, resultCode, resultMessage } = one(RECORD);
    assert.deepEqual([outcome, resultCode, resultMessage], ["failure", "-1011", "권한 없음 😀"]);
    const success = one({ response: { header: { isSuccessful: true } } });
    assert.deepEqual([success.outcome, success.resultCode], ["success", null]);
    assert.equal(one({ response: "OK" }).outcome, "unknown");
  });

  test("extra", () => {
    const event = one(RECORD);
    assert.deepEqual(event.extra, { team: RECORD.team });
    assert.equal(event.extraJson, '{"team":{"name":"운영","size":3}}');
  });

  test("position", async () => {
    const text = '[\n  {"eventId":"가"},\n  {"eventId":"b"}\n]';
    const places = [
      { source: null, record: 1, line: 2, byte: 4 },
      { source: null, record: 2, line: 3, byte: 25 },
    ];
    const streamed = await all(read([Buffer.from(text)]));
    for (const events of [parse(text), streamed]) {
      assert.deepEqual(
        events.map((event) => event.position),
        places,
      );
    }
  });

  test("key", () => {
    assert.equal(one(RECORD).key, RECORD.eventLogUuid);
    const canonical = '{"a":{"b":1.50,"c":"가"},"eventId":"x"}';
    const sum = createHash("sha256").update(canonical).digest("hex");
    assert.equal(one(canonical).key, sum);
    assert.equal(one('{ "eventId": "\\u0078", "a": {"c":"\\uac00", "b" : 1.50} }').key, sum);
  });

  test("nothing there is null", () => {
    const event = one({});
    for (const name of [...TEXTS, "eventTime", "targetMembers", "requestJson", "responseJson"]) {
      assert.equal(event[name], null, name);
    }
    for (const name of ["service", "resource", "action", "resultCode", "resultMessage"]) {
      assert.equal(event[name], null, name);
    }
    assert.equal(event.known, false);
    assert.equal(event.outcome, "unknown");
    assert.equal(event.name(), null);
    assert.deepEqual(event.problems, []);
    assert.deepEqual(event.extra, {});
    assert.equal(event.extraJson, null);
    const flat = event.toJSON();
    assert.deepEqual(Object.keys(flat), Object.keys(FLAT));
    const { outcome, known, ...rest } = flat;
    assert.deepEqual([outcome, known], ["unknown", false]);
    assert.deepEqual(new Set(Object.values(rest)), new Set([null]));
  });

  test("null is as good as absent, and empty text is text", () => {
    const event = one(Object.fromEntries(Object.keys(RECORD).map((name) => [name, null])));
    for (const name of [...TEXTS, "eventTime", "targetMembers"]) {
      assert.equal(event[name], null, name);
    }
    assert.deepEqual(event.problems, []);
    for (const name of TEXTS) {
      assert.equal(one({ [name]: "" })[name], "", name);
    }
  });

  test("UserId stands for userId where that is absent", () => {
    assert.equal(one({ UserId: "kim" }).userId, "kim");
    const both = one({ UserId: "kim", userId: "lee" });
    assert.deepEqual([both.userId, both.extra], ["lee", { UserId: "kim" }]);
  });

  test("an unknown ID has what its words say", () => {
    const event = one({ eventId: "event_id.rds_for_mysql.spaceship.delete" });
    assert.equal(event.known, false);
    assert.equal(event.name("en"), null);
    assert.equal(event.service, "rds-for-mysql");
    assert.equal(event.resource, "spaceship");
    assert.deepEqual(event.action, {
      verb: "delete",
      kind: "delete",
      phase: null,
      provenance: "inferred",
    });
  });

  test("values of another form are kept as text, and are problems", () => {
    const event = one(
      '{"eventTime":"yesterday","eventId":42,"userName":{"a" : 1.50},"userIp":"home",' +
        '"region":true,"request":[1, 2],"eventTarget":7,"more":1,"more":2}',
    );
    assert.equal(event.eventTime, null);
    assert.equal(event.eventId, "42");
    assert.equal(event.userName, '{"a":1.50}');
    assert.equal(event.userIp, "home");
    assert.equal(event.region, "true");
    assert.equal(event.request, "[1,2]");
    assert.deepEqual(event.requestJson, [1, 2]);
    assert.equal(event.targetMembers, null);
    assert.deepEqual(event.problems, [
      "eventTime",
      "eventId",
      "userName",
      "userIp",
      "region",
      "request",
      "targetMembers",
      "more",
    ]);
    assert.deepEqual(event.extra, { more: 2 });
    assert.equal(event.extraJson, '{"more":2,"eventTime":"yesterday","eventTarget":7}');
  });

  test("problems name unknown fields by their key", () => {
    assert.deepEqual(one('{"some_thing":1,"some_thing":2}').problems, ["some_thing"]);
  });

  test("problems name unknown fields by their key, also one that is a word of Object's", () => {
    assert.deepEqual(one('{"__proto__":1,"__proto__":2}').problems, ["__proto__"]);
  });

  test("problems name unknown fields by their key, also one that tables have for a field", () => {
    assert.deepEqual(one('{"user_id":1,"user_id":2}').problems, ["user_id"]);
  });
});

describe("names", () => {
  test("in three languages", () => {
    const event = one(RECORD);
    assert.equal(event.name("ko"), "인스턴스 생성");
    assert.equal(event.name("en"), "Create Instance");
    assert.equal(event.name("ja"), catalog.get(RECORD.eventId).name("ja"));
    assert.match(event.name("ja"), /^インスタンス/);
  });

  test("by default in the language of the reading", async () => {
    for (const lang of ["ko", "en", "ja"]) {
      const expected = catalog.get(RECORD.eventId).name(lang);
      const [event] = await all(read(lines(RECORD), { lang }));
      assert.equal(event.name(), expected);
      assert.equal(event.toJSON().eventName, expected);
      assert.equal(event.detach().name(), expected);
    }
    assert.equal(one(RECORD).name(), "인스턴스 생성");
  });

  test("in another language there is none", () => {
    for (const event of [one(RECORD), one({}), one({ eventId: "unheard.of" })]) {
      for (const lang of ["fr", "KO", "", null, 1, "toString"]) {
        assert.throws(() => event.name(lang), ours("INVALID_OPTION"));
      }
    }
  });
});

describe("request and response", () => {
  test("are decoded anew each time", () => {
    const event = one(RECORD);
    assert.deepEqual(event.requestJson, { size: 20, tags: ["가"] });
    assert.notEqual(event.requestJson, event.requestJson);
    assert.equal(event.responseJson.header.resultCode, -1011);
    assert.equal(one({ request: "null" }).requestJson, null);
    assert.equal(one({ request: '"text"' }).requestJson, "text");
  });

  test("that are no JSON", async () => {
    const [, event] = parse(lines({}, { request: "name=kim&size=3", response: "" }));
    const place = { source: null, record: 2, line: 2, byte: 3 };
    for (const name of ["request", "response"]) {
      assert.throws(() => event[`${name}Json`], ours("INVALID_JSON", { field: name, ...place }));
    }
    const { message, cause } = await failure(() => event.requestJson);
    assert.match(message, /^input, line 2 \(record 2, byte 3\): request: /);
    assert.ok(cause instanceof SyntaxError);
    assert.equal(event.request, "name=kim&size=3");
  });

  test("that are no JSON get no control character into a terminal", async () => {
    const event = one({ request: "\u001b[31mred\u0007" });
    const { message } = await failure(() => event.requestJson);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what this is about
    assert.doesNotMatch(message, /[\x00-\x1f\x7f-\x9f]/);
  });
});

describe("extra", () => {
  test("whole numbers keep their value", () => {
    const { extra } = one(
      '{"safe":9007199254740991,"more":9007199254740992,"less":-9007199254740993,' +
        '"large":123456789012345678901234567890,"deep":[[{"a":[12345678901234567890]}]],' +
        '"text":"12345678901234567890","quote":"\\"12345678901234567890","zero":0}',
    );
    assert.deepEqual(extra, {
      safe: 9007199254740991,
      more: 9007199254740992n,
      less: -9007199254740993n,
      large: 123456789012345678901234567890n,
      deep: [[{ a: [12345678901234567890n] }]],
      text: "12345678901234567890",
      quote: '"12345678901234567890',
      zero: 0,
    });
  });

  test("other numbers are the nearest", () => {
    const numbers = "[0.1,-1.5e3,1E5,1e21,12345678901234567890.5,12345678901234567e3,100]";
    assert.deepEqual(one(`{"x":${numbers}}`).extra, { x: JSON.parse(numbers) });
  });

  test("other numbers are the nearest, also those with many decimal places", () => {
    const numbers = "[0.30000000000000004,3.14159265358979323846,-1e-0000000000000000001]";
    assert.deepEqual(one(`{"x":${numbers}}`).extra, { x: JSON.parse(numbers) });
  });

  test("keys may be of any name", () => {
    const text = '{"__proto__":{"a":1},"constructor":2,"":3,"toString":{"__proto__":4}}';
    for (const event of [one(text), one(text.replace("1}", "12345678901234567890}"))]) {
      const { extra } = event;
      assert.deepEqual(Object.keys(extra), ["__proto__", "constructor", "", "toString"]);
      assert.equal(Object.getPrototypeOf(extra), Object.prototype);
      assert.deepEqual(Object.keys(extra.toString), ["__proto__"]);
      assert.deepEqual(Object.keys(event.toJSON().extra), Object.keys(extra));
    }
    assert.equal({}.a, undefined);
  });

  test("a large text beside a large number", () => {
    const text = `${"long ".repeat(1_000_000)}"\\`;
    const { extra } = one(`{"n":12345678901234567890,"x":[${JSON.stringify(text)},1]}`);
    assert.equal(extra.n, 12345678901234567890n);
    assert.ok(extra.x[0] === text);
  });

  test("extraJson is as written", () => {
    const event = one(
      '{ "x" : [ 1.50, 1E5, -0, 12345678901234567890 , "\\u0041 \\/ b" ], "eventId":"y",' +
        ' "z": {"b" :1, "a": {} }, "__proto__": null }',
    );
    assert.equal(
      event.extraJson,
      '{"x":[1.50,1E5,-0,12345678901234567890,"\\u0041 \\/ b"],"z":{"b":1,"a":{}},"__proto__":null}',
    );
  });

  test("deep records are read with the limits that they were read with", () => {
    const deep = `{"x":${"[".repeat(500)}12345678901234567890${"]".repeat(500)}}`;
    const event = one(deep, { limits: { depth: 600 } });
    assert.equal(event.extraJson, deep);
    let { x } = event.extra;
    while (Array.isArray(x)) {
      [x] = x;
    }
    assert.equal(x, 12345678901234567890n);
    assert.deepEqual(event.problems, []);
    assert.equal(event.key.length, 64);
  });
});

describe("texts", () => {
  const WORDS = {
    ascii: "plain",
    latin: "Zoë Müller",
    korean: "한국어 이름",
    emoji: "😀👩‍👩‍👧‍👦🇰🇷",
    escaped: '"\\/\b\f\n\r\t\u0000\u001f\u007f\u0080',
    lines: "\u2028\u2029\ufeff\u202e",
    json: '{"a":[1,"b\\n"]}',
  };

  for (const [name, words] of Object.entries(WORDS)) {
    test(`${name}, of any length, in any field`, () => {
      const wide = Buffer.byteLength(words);
      // Around 256 bytes the way inside is another.
      const lengths = [1, 255 / wide, 256 / wide, 256 / wide + 1, 1000, 100_000 / wide];
      for (const times of lengths.map(Math.floor)) {
        const text = words.repeat(times);
        for (const field of TEXTS) {
          for (const written of [JSON.stringify(text), escaped(text)]) {
            const event = one(`{"${field}":${written}}`);
            assert.ok(event[field] === text, `${field} of ${text.length}`);
            assert.ok(event.detach()[field] === text);
            assert.ok(event.toJSON()[field] === text);
          }
        }
        const { extra } = one(`{"${name}":${JSON.stringify(text)}}`);
        assert.ok(extra[name] === text);
      }
    });
  }

  test("just as long as is remembered, or longer", () => {
    const texts = [255, 256, 257, 258].flatMap((length) => [
      "x".repeat(length),
      `${"x".repeat(length - 2)}é`,
      `${"x".repeat(length - 3)}한`,
      `${"x".repeat(length - 4)}😀`,
    ]);
    const events = parse(lines(...[...texts, ...texts].map((userName) => ({ userName }))));
    assert.deepEqual(
      events.map((event) => event.userName),
      [...texts, ...texts],
    );
  });

  test("an ID that is too long to be remembered is read like others", () => {
    const long = "widget_".repeat(60);
    const eventId = `event_id.rds_for_mysql.${long}.delete`;
    for (const event of parse(lines({ eventId }, { eventId }))) {
      assert.equal(event.eventId, eventId);
      assert.equal(event.service, "rds-for-mysql");
      assert.equal(event.resource, long);
      assert.equal(event.action.kind, "delete");
      assert.equal(event.known, false);
      assert.equal(event.name(), null);
    }
  });

  test("lone surrogates are read as U+FFFD, and are problems", () => {
    const event = one(
      '{"userName":"a\\ud83db","request":"\\udc00","k\\ud800":1,"more":"x\\udfff"}',
    );
    assert.equal(event.userName, "a\ufffdb");
    assert.equal(event.request, "\ufffd");
    assert.deepEqual(event.problems, ["userName", "request", "k\ufffd", "more"]);
    assert.equal(event.extraJson.isWellFormed(), true);
    assert.deepEqual(event.toJSON().extra, { "k\ufffd": 1, more: "x\ufffd" });
  });

  test("lone surrogates are read as U+FFFD in extra, too", () => {
    assert.deepEqual(one('{"more":"x\\udfff"}').extra, { more: "x\ufffd" });
  });

  /** JSON with every character written as an escape. */
  function escaped(text) {
    const unit = (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`;
    return `"${Array.from({ length: text.length }, unit).join("")}"`;
  }
});

describe("what is remembered", () => {
  const COUNT = 80_000;
  const texts = (index) => ({
    eventId: `event_id.iaas.thing_${index}.delete`,
    userName: `사용자 ${index}`,
    response: `{"header":{"isSuccessful":${index % 2 === 0},"resultMessage":"번호 ${index}"}}`,
  });
  const text = lines(...Array.from({ length: COUNT }, (_, index) => texts(index)));

  function right(event, index) {
    const { eventId, userName } = texts(index);
    assert.equal(event.userName, userName);
    assert.equal(event.eventId, eventId);
    assert.equal(event.resource, `thing_${index}`);
    assert.equal(event.outcome, index % 2 === 0 ? "success" : "failure");
    assert.equal(event.resultMessage, `번호 ${index}`);
  }

  test("more distinct texts than are remembered", () => {
    const before = parse(lines(texts(0), RECORD));
    before.forEach((event) => void said(event));
    const fresh = parse(lines(texts(1), RECORD));
    const events = parse(text);
    events.forEach(right);
    // Once more, and backwards: none has another's text now.
    for (let index = COUNT - 1; index >= 0; index -= 1) {
      right(events[index], index);
    }
    right(before[0], 0);
    assert.deepEqual(before[1].toJSON(), FLAT);
    right(fresh[0], 1);
    assert.deepEqual(fresh[1].toJSON(), FLAT);
    assert.deepEqual(one(RECORD).toJSON(), FLAT);
  });

  test("and from a stream", async () => {
    const kept = [];
    let count = 0;
    for await (const event of read([text, text])) {
      right(event, count % COUNT);
      if (count % 1000 === 0) {
        kept.push([event, count % COUNT]);
      }
      count += 1;
    }
    assert.equal(count, 2 * COUNT);
    for (const [event, index] of kept) {
      right(event, index);
    }
  });
});

describe("lazy views", () => {
  test("the order of reading changes nothing", () => {
    const text = lines(RECORD, {}, { ...RECORD, userName: "x".repeat(300), eventId: "un.known" });
    const expected = parse(text).map(said);
    const properties = Object.entries(Object.getOwnPropertyDescriptors(Event.prototype));
    const names = properties.filter(([, { get }]) => get).map(([name]) => name);
    assert.ok(names.length > 30);
    for (const order of [names, names.toReversed()]) {
      const events = parse(text);
      for (const name of order) {
        for (const event of events.toReversed()) {
          assert.deepEqual(event[name], event[name], name);
        }
      }
      assert.deepEqual(events.map(said), expected);
    }
  });

  test("what becomes of the input changes nothing", async () => {
    const text = lines(RECORD, { ...RECORD, userName: "é".repeat(300) });
    const expected = parse(text).map(said);
    const kinds = {
      Uint8Array: (bytes) => bytes,
      ArrayBuffer: (bytes) => bytes.buffer,
      DataView: (bytes) => new DataView(bytes.buffer),
      Buffer: (bytes) => Buffer.from(bytes.buffer),
    };
    for (const [name, kind] of Object.entries(kinds)) {
      const bytes = new Uint8Array(text);
      const events = parse(kind(bytes));
      bytes.fill(0x20);
      assert.deepEqual(events.map(said), expected, name);
      const again = new Uint8Array(text);
      const reader = read(kind(again));
      again.fill(0x20);
      assert.deepEqual((await all(reader)).map(said), expected, name);
      const piece = new Uint8Array(text);
      async function* source() {
        yield kind(piece);
        piece.fill(0x20);
      }
      assert.deepEqual((await all(read(source()))).map(said), expected, name);
    }
  });

  test("a part of a larger buffer", () => {
    const text = lines(RECORD);
    const larger = Buffer.concat([Buffer.from("before"), text, Buffer.from("after")]);
    const place = [larger.buffer, larger.byteOffset + 6, text.length];
    for (const part of [new Uint8Array(...place), new DataView(...place)]) {
      assert.deepEqual(parse(part).map(said), parse(text).map(said));
    }
  });

  test("memory that threads share", async () => {
    const text = lines(RECORD);
    const shared = new SharedArrayBuffer(text.length);
    new Uint8Array(shared).set(text);
    assert.deepEqual(parse(shared).map(said), parse(text).map(said));
    assert.deepEqual((await all(read(shared))).map(said), parse(text).map(said));
  });

  test("raw is a copy, byte for byte", () => {
    const text = ' {"eventId" : "\\u0061" , "eventId":"b"} ';
    const event = one(text);
    assert.ok(Buffer.isBuffer(event.raw));
    assert.equal(event.raw.toString(), text.trim());
    event.raw.fill(0);
    assert.equal(event.raw.toString(), text.trim());
    assert.equal(event.eventId, "b");
  });
});

describe("methods", () => {
  test("equals", () => {
    const [first, other, same] = parse(lines(RECORD, { ...RECORD, region: "KR2" }, RECORD));
    assert.equal(first.equals(first), true);
    assert.equal(first.equals(same), true);
    assert.equal(first.equals(other), false);
    assert.equal(first.equals(other.detach()), false);
    assert.equal(first.equals(same.detach()), true);
    assert.equal(one('{"a":1}').equals(one('{"a": 1}')), false);
  });

  test("detach", async () => {
    for (const events of [
      parse(lines(RECORD, {}, { ...RECORD, userName: "é".repeat(300) })),
      await all(read(lines({}, RECORD, { userId: "\u0000" }))),
    ]) {
      for (const event of events) {
        const detached = event.detach();
        assert.ok(detached instanceof Event);
        assert.notEqual(detached, event);
        assert.deepEqual(said(detached), said(event));
        assert.deepEqual(said(detached.detach()), said(event));
      }
    }
  });

  test("detach keeps the catalog and the language", () => {
    const overlay = catalog.withOverlay(
      "event_id\tservices\tname_ko\tname_en\tname_ja\nmy.own.create\tiam\t나의\tMine\t私の\n",
    );
    const detached = one({ eventId: "my.own.create" }, { catalog: overlay, lang: "en" }).detach();
    assert.deepEqual([detached.known, detached.name()], [true, "Mine"]);
  });

  test("instanceof", () => {
    const event = one(RECORD);
    assert.ok(event instanceof Event);
    assert.ok(!({} instanceof Event));
    assert.equal(Event.name, "Event");
    assert.equal(event.constructor, Event);
  });

  test("toJSON", () => {
    const event = one(RECORD);
    assert.deepEqual(event.toJSON(), FLAT);
    assert.equal(JSON.stringify(event), JSON.stringify(FLAT));
    assert.deepEqual(JSON.parse(JSON.stringify({ events: [event] })), { events: [FLAT] });
  });

  test("toJSON of numbers that JavaScript cannot hold", () => {
    const event = one('{"x":12345678901234567890}');
    assert.equal(JSON.parse(JSON.stringify(event)).extra.x, Number(12345678901234567890n));
  });
});

describe("console.log", () => {
  test("shows what is there", () => {
    const text = inspect(one(RECORD));
    assert.match(text, /^Event \{\n/);
    assert.match(text, /eventTime: 2026-03-01T00:30:15\.250Z,/);
    assert.match(text, /eventName: '인스턴스 생성'/);
    assert.match(text, /team: \{ name: '운영', size: 3 \}/);
    assert.doesNotMatch(text, /phase/);
    assert.equal(inspect(one({})), "Event { outcome: 'unknown', known: false }");
  });

  test("inside of others", () => {
    const event = one({ eventId: "x" });
    assert.match(inspect({ events: [event] }), /events: \[ Event \{.*eventId: 'x'/s);
    assert.match(inspect({ a: { b: { c: { event } } } }, { depth: 3 }), /event: \[Event\]/);
    assert.equal(inspect(event, { depth: -1 }), "[Event]");
    assert.ok(inspect([event], { colors: true }).includes("\u001b[32m'x'\u001b[39m"));
    assert.equal(inspect(new Map([[event, event]])).match(/Event \{/g).length, 2);
  });

  test("gives no control character to a terminal", () => {
    const hostile = "\u001b]0;owned\u0007\u001b[2J\r\n\u009b31m\u0000";
    const event = one({
      ...Object.fromEntries(TEXTS.map((name) => [name, hostile])),
      [`key${hostile}`]: { [hostile]: [hostile] },
      eventTarget: { targetMembers: [{ name: hostile }] },
      response: JSON.stringify({ header: { resultCode: hostile, resultMessage: hostile } }),
    });
    for (const text of [inspect(event), inspect([{ event }], { depth: 9 })]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what this is about
      assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
      assert.ok(text.includes("owned"));
    }
  });

  test("shows that there are characters which cannot be seen", async () => {
    const hidden = "\u00ad\u061c\u200b\u200d\u200f\u2028\u202e\u2060\u2069\ufeff\u{e0041}";
    const text = inspect(one({ userName: `김${hidden}민준`, [`key${hidden}`]: hidden }));
    assert.doesNotMatch(text, /[\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.ok(text.includes(`'김${"\ufffd".repeat(11)}민준'`), text);
    const named = catalog.withOverlay(`event_id\tname_ko\nevent_id.a\t가${hidden.at(1)}나\n`);
    assert.ok(inspect(named.get("event_id.a")).includes("'가\ufffd나'"));
    const { message } = await failure(() => one({ response: `${hidden}` }).responseJson);
    assert.doesNotMatch(message, /[\p{Cf}\p{Zl}\p{Zp}]/u);
  });
});

// Records of a small generator, whose seed stands in the message where something is not as it ought to be.
describe("records of a generator", () => {
  function generator(seed) {
    let state = seed;
    // mulberry32
    const next = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    const below = (count) => Math.floor(next() * count);
    const from = (items) => items[below(items.length)];
    const PARTS = [
      "a",
      "Z",
      " ",
      '"',
      "\\",
      "\n",
      "\u0000",
      "é",
      "한",
      "😀",
      "{",
      "]",
      ",",
      ":",
      "€",
    ];
    const text = () => {
      const length = from([0, 1, 5, 40, 250, 300, 2000]);
      return Array.from({ length }, () => from(PARTS)).join("");
    };
    const number = () => from([0, -1, 1.5, 1e21, 2 ** 53 - 1, below(1000), next(), -next() * 1e-7]);
    const value = (depth) => {
      const kinds = [text, number, () => next() < 0.5, () => null];
      if (depth > 0) {
        kinds.push(() => Array.from({ length: below(4) }, () => value(depth - 1)));
        kinds.push(() => object(depth - 1));
      }
      return from(kinds)();
    };
    const object = (depth) => {
      const key = () => [...text()].slice(0, 9).join("");
      const entries = Array.from({ length: below(4) }, () => [key(), value(depth)]);
      return Object.fromEntries(entries);
    };
    // Records on lines, or over lines, as the first one decides for all.
    const indent = seed % 2;
    const written = (value) => {
      const json = JSON.stringify(value, null, indent);
      // Any character may be written as an escape.
      const escapeOf = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
      return next() < 0.3 ? json.replace(/[^\n\x20-\x7e]/g, escapeOf) : json;
    };
    return () => {
      const entries = TEXTS.filter(() => next() < 0.6).map((name) => [name, text()]);
      entries.push(["region", text()]);
      if (next() < 0.7) {
        entries.push(["eventId", from(catalog.keys())]);
      }
      if (next() < 0.7) {
        entries.push(["eventTime", new Date(below(2 ** 41)).toISOString()]);
      }
      for (const [key, value] of Object.entries(object(3))) {
        entries.push([`x${key}`, value]);
      }
      const record = Object.fromEntries(entries);
      if (next() < 0.5) {
        record.response = JSON.stringify({
          header: { isSuccessful: next() < 0.5, resultCode: below(9), resultMessage: text() },
        });
      }
      return written(record);
    };
  }

  function same(event, text, seed) {
    const record = JSON.parse(text);
    const hint = `seed ${seed}: ${text.slice(0, 200)}`;
    for (const name of TEXTS) {
      assert.ok(event[name] === (record[name] ?? null), `${name}, ${hint}`);
    }
    const time = record.eventTime === undefined ? null : new Date(record.eventTime);
    assert.deepEqual(event.eventTime, time, hint);
    const known = new Set([...TEXTS, "eventTime"]);
    const extra = Object.entries(record).filter(([name]) => !known.has(name));
    assert.deepEqual(event.extra, Object.fromEntries(extra), hint);
    assert.deepEqual(JSON.parse(event.extraJson ?? "{}"), Object.fromEntries(extra), hint);
    assert.equal(event.raw.toString(), text, hint);
    const entry = catalog.get(record.eventId ?? "");
    assert.equal(event.known, entry !== null, hint);
    assert.equal(event.name("en"), entry?.name("en") ?? null, hint);
    if (entry) {
      const { service, resource, action } = entry;
      assert.deepEqual([event.service, event.resource, event.action], [service, resource, action]);
    }
    for (const name of ["request", "response"]) {
      const json = decoded(record[name] ?? "null");
      if (json === undefined) {
        assert.throws(() => event[`${name}Json`], ours("INVALID_JSON"), hint);
      } else {
        assert.deepEqual(event[`${name}Json`], json, hint);
      }
    }
    const header = decoded(record.response ?? "null")?.header;
    if (header) {
      // An event whose ID says that it failed did, whatever the response says.
      const succeeded = header.isSuccessful && entry?.action.phase !== "failed";
      assert.equal(event.outcome, succeeded ? "success" : "failure", hint);
      assert.equal(event.resultCode, String(header.resultCode), hint);
      assert.equal(event.resultMessage, header.resultMessage, hint);
    }
    assert.deepEqual(JSON.parse(JSON.stringify(event)), event.toJSON(), hint);
  }

  function decoded(text) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  for (const seed of [1, 2, 3, 4]) {
    test(`seed ${seed}`, async () => {
      const texts = Array.from({ length: 300 }, generator(seed));
      const text = texts.join("\n");
      const parsed = parse(text);
      const streamed = await all(read([Buffer.from(text)]));
      assert.equal(parsed.length, texts.length);
      assert.equal(streamed.length, texts.length);
      for (const [index, text] of texts.entries()) {
        same(parsed[index], text, seed);
        same(streamed[index], text, seed);
        same(parsed[index].detach(), text, seed);
      }
    });
  }
});

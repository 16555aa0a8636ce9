import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Worker } from "node:worker_threads";
import { CloudTrailError } from "nhn-cloudtrail";

/** The repository. */
export const ROOT = join(import.meta.dirname, "../..");

const PACKAGE = join(ROOT, "node");

const CASES = join(ROOT, "tests/cases");

/** The golden cases of `tests/cases`; `tests/README.md` says what stands in them. */
export function cases() {
  const names = readdirSync(CASES).filter((name) => statSync(join(CASES, name)).isDirectory());
  if (names.length === 0) {
    throw new Error(`no case in ${CASES}`);
  }
  return names.map((name) => new Case(name));
}

class Case {
  constructor(name) {
    this.name = name;
    this.folder = join(CASES, name);
    const inputs = readdirSync(this.folder).filter((file) => file.split(".")[0] === "input");
    if (inputs.length !== 1) {
      throw new Error(`${name}: wants one input`);
    }
    this.input = join(this.folder, inputs[0]);
    this.isFile = statSync(this.input).isFile();
    const given = this.json("options.json")[0] ?? {};
    const { dedup, lang, limits = {}, columns, filter = {}, record_path: recordPath } = given;
    this.columns = columns;
    const { source_type: sourceType, phase, ...rest } = filter;
    this.options = Object.fromEntries(
      Object.entries({
        onError: "collect",
        dedup,
        lang,
        limits: { recordBytes: limits.record_bytes, depth: limits.depth },
        recordPath,
        sourceType,
        phase: phase?.map((one) => one ?? "none"),
        ...rest,
      }).filter(([, value]) => value !== undefined),
    );
  }

  text(name) {
    try {
      return readFileSync(join(this.folder, name), "utf8");
    } catch {
      return "";
    }
  }

  json(name) {
    if (name.endsWith(".json") && name !== "error.json") {
      const text = this.text(name);
      return text ? [JSON.parse(text)] : [];
    }
    const lines = this.text(name).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }

  /** What Node says of all of an input, in the words of the case. */
  async outcome(reader) {
    const events = [];
    for await (const event of reader) {
      events.push(event);
    }
    return {
      events: events.map((event) => this.flat(event)),
      details: events.map((event) => this.detail(event)),
      rejects: reader.rejects.map((reject) => this.reject(reject)),
      counts: snakeCase(reader.stats),
      errors: reader.errors.map(({ code, source }) => ({ code, ...this.source(source) })),
    };
  }

  /** What the case expects. */
  expected() {
    return {
      events: this.json("events.jsonl"),
      details: this.json("details.jsonl"),
      rejects: this.json("rejects.jsonl"),
      counts: this.json("counts.json")[0],
      errors: this.json("error.json").map(({ code, source }) =>
        source ? { code, source } : { code },
      ),
    };
  }

  flat(event) {
    const flat = snakeCase({
      ...event.toJSON(),
      raw: event.raw.toString(),
      source: event.position.source,
      sourceRecord: event.position.record,
    });
    const standard = Object.keys(flat).slice(0, 30);
    return Object.fromEntries((this.columns ?? standard).map((column) => [column, flat[column]]));
  }

  detail(event) {
    const names = ["ko", "en", "ja"].map((lang) => [lang, event.name(lang)]);
    return {
      position: this.place(event.position),
      key: event.key,
      problems: event.problems.map((name) => toSnake(name)),
      name: event.known ? Object.fromEntries(names) : null,
    };
  }

  reject({ position, code, raw, length }) {
    const text = Buffer.from(raw).toString();
    const isText = Buffer.from(text).equals(raw);
    return {
      ...this.place(position),
      code,
      ...(isText ? { raw: text } : { raw_base64: Buffer.from(raw).toString("base64") }),
      ...(length === raw.length ? {} : { length }),
    };
  }

  place({ record, line, byte, source }) {
    return { record, line, byte, ...this.source(source) };
  }

  source(source) {
    return this.isFile ? {} : { source: relative(this.folder, source) };
  }
}

function toSnake(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The same with the names of tables; what stands in `extra` is the records' own. */
export function snakeCase(flat) {
  const entries = Object.entries(flat).map(([key, value]) => [
    toSnake(key),
    key === "targetMembers" ? (value?.map(snakeCase) ?? null) : value,
  ]);
  return Object.fromEntries(entries);
}

/** Pieces of bytes, each of `size`. */
export function* pieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

/** All of an iterable. */
export async function all(iterable) {
  const items = [];
  for await (const item of iterable) {
    items.push(item);
  }
  return items;
}

/** Records as lines: of objects what JSON has for them, of text the text. */
export function lines(...records) {
  const line = (record) => (typeof record === "string" ? record : JSON.stringify(record));
  return Buffer.from(records.map((record) => `${line(record)}\n`).join(""));
}

/** Records with nothing but their number, from `from` to before `to`. */
export function numbered(from, to) {
  let text = "";
  for (let number = from; number < to; number += 1) {
    text += `{"eventLogUuid":"${number}"}\n`;
  }
  return Buffer.from(text);
}

/** The numbers of `numbered` records. */
export function numbersOf(events) {
  return events.map((event) => Number(event.eventLogUuid));
}

/** A temporary folder with these files, which goes with the test. */
export function folder(t, files = {}) {
  const path = mkdtempSync(join(tmpdir(), "nhn-cloudtrail-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** What a promise comes to. One that never comes to anything fails: it would end the file with its tests. */
export async function settled(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: "never settles" })),
      20_000,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a call or a promise throws. */
export async function failure(promise) {
  try {
    await settled(typeof promise === "function" ? promise() : promise);
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

/** An error of ours with a code, and whatever else. */
export function ours(code, properties = {}) {
  return (error) => {
    assert.ok(error instanceof CloudTrailError, `${error?.stack ?? error}`);
    assert.equal(error.code, code, error.message);
    for (const [name, value] of Object.entries(properties)) {
      assert.deepEqual(error[name], value, `${name}: ${error.message}`);
    }
    return true;
  };
}

/** Whether there is /proc. */
export const isLinux = process.platform === "linux";

/** How many of this process's descriptors are of files below a path. */
export function openBelow(path) {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(path)).length;
}

/**
 * What `work(package, ...args)` gives in a process of its own, with `flags` for Node, and pieces of `input`
 * for its standard input. It must be a function that needs nothing around it.
 */
export async function inChild(work, { args = [], flags = [], input = [] } = {}) {
  const script = `
    const work = ${work};
    const result = await work(require(${JSON.stringify(PACKAGE)}), ...${JSON.stringify(args)});
    require("node:fs").writeFileSync(3, JSON.stringify(result ?? null));
  `;
  const home = mkdtempSync(join(tmpdir(), "nhn-cloudtrail-"));
  const file = join(home, "child.cjs");
  writeFileSync(file, `(async () => {${script}})()`);
  const child = spawn(process.execPath, [...flags, file], {
    stdio: ["pipe", "ignore", "pipe", "pipe"],
  });
  const texts = [child.stderr, child.stdio[3]].map((stream) => all(stream.setEncoding("utf8")));
  // Who reads no further closes its end.
  child.stdin.on("error", () => undefined);
  for (const piece of input) {
    child.stdin.write(piece);
  }
  child.stdin.end();
  const [code] = await once(child, "close");
  rmSync(home, { recursive: true });
  const [errors, result] = (await Promise.all(texts)).map((text) => text.join(""));
  assert.equal(code, 0, errors);
  return JSON.parse(result);
}

/** A worker thread that does `work(package, port, ...args)`, and posts what comes of it. */
export function worker(work, ...args) {
  const script = `
    const { parentPort } = require("node:worker_threads");
    const work = ${work};
    const done = work(require(${JSON.stringify(PACKAGE)}), parentPort, ...${JSON.stringify(args)});
    done.then((result) => parentPort.postMessage(result));
  `;
  return new Worker(script, { eval: true });
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** The repository. */
export const ROOT = join(import.meta.dirname, "../..");

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
    const { dedup, lang, limits = {}, columns, filter = {} } = this.json("options.json")[0] ?? {};
    this.columns = columns;
    const { source_type: sourceType, phase, ...rest } = filter;
    this.options = Object.fromEntries(
      Object.entries({
        onError: "collect",
        dedup,
        lang,
        limits: { recordBytes: limits.record_bytes, depth: limits.depth },
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
      counts: { ...reader.stats },
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
function snakeCase(flat) {
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

import { inspect } from "node:util";
import { Catalog, catalog } from "./catalog";
import { CloudTrailError, wrongOption } from "./errors";
import native, { type Native } from "./native";
import type { Column, EventId, Kind, Lang, OnError, Outcome, Phase, ServiceId } from "./types";

/** A value, or several of which one is to hold. */
export type OneOrMore<T> = T | readonly T[];

/**
 * Which events. The values of one filter are alternatives; an event must pass all filters that are given.
 * One that lacks the field passes none. What makes no sense is an error: a mistyped kind, service, address
 * or time never looks like an empty log.
 */
export interface Filters {
  /** Event IDs, or globs over them: `*` matches any text, dots too. */
  event?: OneOrMore<EventId> | undefined;
  /** Services: slugs, or names in any language. */
  service?: OneOrMore<ServiceId> | undefined;
  /** Kinds of action. */
  kind?: OneOrMore<Kind> | undefined;
  /** Phases of actions; `"none"` is the act itself. */
  phase?: OneOrMore<Phase | "none"> | undefined;
  /** How the call went. */
  outcome?: OneOrMore<Outcome> | undefined;
  /** Through what it was done, such as `USER_CONSOLE`. */
  sourceType?: OneOrMore<string> | undefined;
  /** Acting members: ID (which may be an e-mail address), name or UUID; case does not matter. */
  user?: OneOrMore<string> | undefined;
  /** Addresses, or ranges such as `10.0.0.0/8`. */
  ip?: OneOrMore<string> | undefined;
  /** Projects: ID or name; case does not matter. */
  project?: OneOrMore<string> | undefined;
  /** Regions, such as `KR1`; case does not matter. */
  region?: OneOrMore<string> | undefined;
  /** The first instant: a time, a date, or a span before now such as `7d` or `24h`. */
  since?: string | Date | undefined;
  /** The first instant that is no longer wanted; a bare date includes that day. */
  until?: string | Date | undefined;
  /** The zone of times without an offset, such as `Asia/Seoul`. By default UTC. */
  tz?: string | undefined;
  /** Whether the catalog must have the event's ID, or must not. */
  known?: boolean | undefined;
  /** Text that must stand in the request or the response, to the letter. */
  text?: OneOrMore<string> | undefined;
}

/** What a record may take, against hostile input. */
export interface Limits {
  /** The bytes of a record, decompressed. By default 16 MiB. */
  recordBytes?: number | undefined;
  /** How deep a record may be nested. By default 128. */
  depth?: number | undefined;
}

interface Common extends Filters {
  /**
   * Whether records with the key and the content of one before are left out; remembers some 20 bytes a
   * record.
   */
  dedup?: boolean | undefined;
  /** The language of names. By default `"ko"`. */
  lang?: Lang | undefined;
  /** What a record may take. */
  limits?: Limits | undefined;
  /** Another catalog than the built-in one, such as `catalog.withOverlay(…)`. */
  catalog?: Catalog | undefined;
}

/** The options of `parse`. */
export interface ParseOptions extends Common {
  /** `"raise"` (the default) throws the first record that cannot be read, `"skip"` leaves such out. */
  onError?: "raise" | "skip" | undefined;
}

/** The options of `read`. */
export interface ReadOptions extends Common {
  /**
   * What becomes of records that cannot be read. `"raise"` (the default): the first ends the reading.
   * `"skip"`: they are left out and counted. `"collect"`: they are kept in `reader.rejects`. With the last
   * two a whole source that cannot be read is kept in `reader.errors`.
   */
  onError?: OnError | undefined;
  /** Ends the reading, which then throws the signal's reason, and closes the source. */
  signal?: AbortSignal | undefined;
}

/** The options of `readTable`. */
export interface TableOptions extends ReadOptions {
  /**
   * Which columns, in this order; only these are built. By default all but `raw`, `source` and
   * `source_record`. Tables have the same column names in every language.
   */
  columns?: readonly Column[] | undefined;
  /** How many threads read; 0 (the default) is one for each core. The table is the same for any number. */
  threads?: number | undefined;
}

/**
 * Options that were looked at.
 *
 * @internal
 */
export interface Checked {
  readonly native: Native.Options;
  readonly catalog: Catalog;
  readonly lang: Lang;
  readonly signal: AbortSignal | undefined;
}

type Taker = "parse" | "read" | "readTable";

const FILTERS = new Map(native.names().filters.map((name) => [camelCase(name), name]));
const COMMON: readonly string[] = [
  "onError",
  "dedup",
  "lang",
  "limits",
  "catalog",
  "tz",
  ...FILTERS.keys(),
];
const NAMES: Record<Taker, readonly string[]> = {
  parse: COMMON,
  read: [...COMMON, "signal"],
  readTable: [...COMMON, "signal", "columns", "threads"],
};

let plain: Checked | undefined;

/**
 * Looks at the options of a function, as plain JavaScript may give anything.
 *
 * @internal
 */
export function check(taker: Taker, options?: TableOptions): Checked {
  if (options === undefined) {
    plain ??= checked(taker, {});
    return plain;
  }
  return checked(taker, options);
}

function checked(taker: Taker, options: TableOptions): Checked {
  if (typeof options !== "object" || options === null || Symbol.iterator in options) {
    throw wrongOption(`${taker}: the options are an object, not ${inspect(options)}`);
  }
  const names = NAMES[taker];
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw wrongOption(`no option ${inspect(name)}; options are ${names.join(", ")}`);
    }
  }
  const onError = oneOf("onError", options.onError ?? "raise", ["raise", "skip", "collect"]);
  if (onError === "collect" && taker === "parse") {
    throw wrongOption('onError: "collect" has nowhere to keep rejects: use read');
  }
  const lang = oneOf("lang", options.lang ?? "ko", ["ko", "en", "ja"]) as Lang;
  const given = options.catalog ?? catalog;
  if (!(given instanceof Catalog)) {
    throw wrongOption(`catalog: ${inspect(given, { depth: 0 })} is no catalog`);
  }
  const signal = options.signal ?? undefined;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongOption("signal: an AbortSignal is wanted");
  }
  const limits = options.limits ?? {};
  if (typeof limits !== "object" || Symbol.iterator in limits) {
    throw wrongOption(`limits: an object is wanted, not ${inspect(limits, { depth: 0 })}`);
  }
  for (const name of Object.keys(limits)) {
    if (name !== "recordBytes" && name !== "depth") {
      throw wrongOption(`limits: no limit ${inspect(name)}; there are recordBytes and depth`);
    }
  }
  const spelled: Native.Asked = {
    onError,
    dedup: flag("dedup", options.dedup ?? false),
    lang,
    threads: whole("threads", options.threads ?? 0),
    filters: [...filters(options)],
    tz: text("tz", options.tz ?? "UTC"),
  };
  if (limits.recordBytes !== undefined) {
    spelled.recordBytes = whole("limits.recordBytes", limits.recordBytes);
  }
  if (limits.depth !== undefined) {
    spelled.depth = whole("limits.depth", limits.depth);
  }
  if (options.columns !== undefined) {
    spelled.columns = list("columns", options.columns);
    const twice = spelled.columns.find((name, index, all) => all.indexOf(name) < index);
    if (twice !== undefined) {
      throw wrongOption(`columns: ${twice} is asked for twice`);
    }
  }
  return { native: new native.Options(spelled, given.native), catalog: given, lang, signal };
}

function* filters(options: Filters): Iterable<[name: string, value: string]> {
  for (const [name, native] of FILTERS) {
    const given = options[name as keyof Filters] as unknown;
    if (given === undefined || given === null) {
      continue;
    }
    if (name === "since" || name === "until") {
      yield [native, timeOf(name, given)];
    } else if (name === "known") {
      yield [native, String(flag(name, given))];
    } else {
      const values = list(name, given);
      if (values.length === 0) {
        const message = `${name}: nothing is asked for; leave the filter out instead`;
        throw new CloudTrailError(message, { code: "INVALID_FILTER" });
      }
      for (const value of values) {
        yield [native, value];
      }
    }
  }
}

function timeOf(name: string, given: unknown): string {
  if (!(given instanceof Date)) {
    return text(name, given);
  }
  if (Number.isNaN(given.getTime())) {
    throw new CloudTrailError(`${name}: an invalid Date`, { code: "INVALID_TIME" });
  }
  return given.toISOString();
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function list(name: string, given: unknown): string[] {
  return (Array.isArray(given) ? given : [given]).map((value) => text(name, value));
}

function text(name: string, given: unknown): string {
  if (typeof given !== "string") {
    throw wrongOption(`${name}: text is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given;
}

function flag(name: string, given: unknown): boolean {
  if (typeof given !== "boolean") {
    throw wrongOption(`${name}: true or false is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given;
}

function whole(name: string, given: unknown): number {
  if (!Number.isSafeInteger(given) || (given as number) < 0) {
    throw wrongOption(`${name}: a whole number is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given as number;
}

function oneOf(name: string, given: unknown, all: readonly string[]): string {
  if (typeof given !== "string" || !all.includes(given)) {
    throw wrongOption(`${name}: ${inspect(given)} is none of ${all.join(", ")}`);
  }
  return given;
}

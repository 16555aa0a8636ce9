import { fileURLToPath } from "node:url";
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
  /**
   * Event IDs, or globs over them: `*` matches any text, dots too. An ID that the catalog does not have is
   * no error, as logs have newer ones; `catalog.suggest` knows what a mistyped one may have meant.
   */
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
  /**
   * Acting members: ID (which may be an e-mail address), name or UUID, or globs over them; case does not
   * matter.
   */
  user?: OneOrMore<string> | undefined;
  /** Addresses, or ranges such as `10.0.0.0/8`. */
  ip?: OneOrMore<string> | undefined;
  /** Projects: ID or name; case does not matter. */
  project?: OneOrMore<string> | undefined;
  /** Regions, such as `KR1`; case does not matter. */
  region?: OneOrMore<string> | undefined;
  /**
   * The first instant: a time, a date, a month such as `2026-10`, or a span before now such as `7d` or
   * `24h`; a `Date`, or a number of milliseconds since 1970 as `Date.now()` gives.
   */
  since?: string | number | Date | undefined;
  /**
   * The first instant that is no longer wanted; a bare date includes that day, a month all of it.
   */
  until?: string | number | Date | undefined;
  /** The zone of times without an offset, such as `Asia/Seoul`. By default UTC. */
  tz?: string | undefined;
  /** Whether the catalog must have the event's ID, or must not. */
  known?: boolean | undefined;
  /** Text that must stand in the request or the response, to the letter; their escapes are decoded. */
  text?: OneOrMore<string> | undefined;
}

/** What a record may take, against hostile input. */
export interface Limits {
  /** The bytes of a record, decompressed. By default 16 MiB. */
  recordBytes?: number | undefined;
  /** How deep a record may be nested. By default 128. */
  depth?: number | undefined;
}

/**
 * How Object Storage is reached. What is left out comes from the environment, else from the config file.
 */
export interface StorageOptions {
  /** The URL of the S3-compatible API. Else `NHN_CLOUDTRAIL_S3_ENDPOINT` or `AWS_ENDPOINT_URL`. */
  endpoint?: string | undefined;
  /** The region, such as `kr1`. Else `NHN_CLOUDTRAIL_S3_REGION` or `AWS_REGION`. */
  region?: string | undefined;
  /** The access key of the S3 credentials. Else `NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID` or `AWS_ACCESS_KEY_ID`. */
  accessKeyId?: string | undefined;
  /** Their secret key. Else `NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY` or `AWS_SECRET_ACCESS_KEY`. */
  secretAccessKey?: string | undefined;
  /** The config file. Else `NHN_CLOUDTRAIL_CONFIG`, else `~/.config/nhn-cloudtrail/config.toml`. */
  config?: string | URL | undefined;
}

/** A member of NHN Cloud or of the organization's IAM, as the query API wants it told. */
export type Member =
  | {
      /** A member of NHN Cloud. */
      memberType: "TOAST";
      /** The member's e-mail address. */
      emailAddress: string;
      /** The member's UUID. */
      idNo?: string | undefined;
    }
  | {
      /** A member of the organization's IAM. */
      memberType: "IAM";
      /** The member's code. */
      userCode: string;
      /** The member's UUID. */
      idNo?: string | undefined;
    };

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
  /**
   * Where the records are, in wrappers that are not recognized: names separated by dots, `[]` for each element
   * of an array, such as `hits.hits[]._source`. A string on the way is read as the JSON text in it. Records
   * elsewhere are not read then.
   */
  recordPath?: string | undefined;
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
  /**
   * Whether the checksum of every Parquet file is checked before it is read. A damaged file is then an error,
   * as is one that has no checksum because another program wrote it. By default `false`.
   */
  verify?: boolean | undefined;
  /** How buckets are reached, where the source is `s3://bucket/prefix`. */
  storage?: StorageOptions | undefined;
}

/** The options of `client.search`: the period, what the API is asked for, and the options of `read`. */
export interface SearchOptions
  extends Omit<ReadOptions, "dedup" | "verify" | "recordPath" | "storage" | "since" | "until"> {
  /** The first instant: a time, a date, or a span before now such as `7d`; 93 days ago at the earliest. */
  since: string | number | Date;
  /**
   * The last instant, as the API understands the ends of a period; a bare date includes that day. By
   * default now.
   */
  until?: string | number | Date | undefined;
  /** Only events with this ID; the API is asked for no others. */
  eventId?: EventId | undefined;
  /** Only what the member with this UUID did; it wins over `member`. */
  idNo?: string | undefined;
  /** Only what this member did. */
  member?: Member | undefined;
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
  readonly storage: StorageOptions | undefined;
}

type Taker = "parse" | "read" | "readTable" | "search";

const FILTERS = new Map(native.names().filters.map((name) => [camelCase(name), name]));
const COMMON: readonly string[] = [
  "onError",
  "dedup",
  "lang",
  "limits",
  "recordPath",
  "catalog",
  "tz",
  ...FILTERS.keys(),
];
const NAMES: Record<Taker, readonly string[]> = {
  parse: COMMON,
  read: [...COMMON, "signal", "storage", "verify"],
  readTable: [...COMMON, "signal", "storage", "verify", "columns", "threads"],
  // Each event comes once anyway, and where they are is known.
  search: [
    ...COMMON.filter((name) => name !== "dedup" && name !== "recordPath"),
    "signal",
    "eventId",
    "idNo",
    "member",
  ],
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
  named(taker, options, NAMES[taker]);
  const onError = oneOf("onError", options.onError ?? "raise", ["raise", "skip", "collect"]);
  if (onError === "collect" && taker === "parse") {
    throw wrongOption('onError: "collect" has nowhere to keep rejects: use read');
  }
  const lang = langOf(options.lang);
  const given = catalogOf(options.catalog);
  const signal = signalOf(options.signal);
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
    verify: flag("verify", options.verify ?? false),
    lang,
    threads: whole("threads", options.threads ?? 0),
    filters: [...filters(taker === "search" ? { ...options, ...NO_PERIOD } : options)],
    tz: text("tz", options.tz ?? "UTC"),
  };
  if (limits.recordBytes !== undefined) {
    spelled.recordBytes = whole("limits.recordBytes", limits.recordBytes);
  }
  if (limits.depth !== undefined) {
    spelled.depth = whole("limits.depth", limits.depth);
  }
  give(spelled, "recordPath", options.recordPath, text);
  if (options.columns !== undefined) {
    spelled.columns = list("columns", options.columns);
    const twice = spelled.columns.find((name, index, all) => all.indexOf(name) < index);
    if (twice !== undefined) {
      throw wrongOption(`columns: ${twice} is asked for twice`);
    }
  }
  const { storage } = options;
  return {
    native: new native.Options(spelled, given.native),
    catalog: given,
    lang,
    signal,
    storage,
  };
}

/** That of a search is the API's. */
const NO_PERIOD = { since: undefined, until: undefined };

const SECRETIVE = ["Client", "storage"];

/**
 * An object with options, all of which have names that there are.
 *
 * @internal
 */
export function named(taker: string, options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null || Symbol.iterator in options) {
    // In the place of an object with keys there may stand a key.
    const what = SECRETIVE.includes(taker) ? typeof options : inspect(options, { depth: 0 });
    throw wrongOption(`${taker}: the options are an object, not ${what}`);
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw wrongOption(`no option ${inspect(name)}; options are ${names.join(", ")}`);
    }
  }
}

/** @internal */
export function signalOf(given: unknown): AbortSignal | undefined {
  const signal = given ?? undefined;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongOption("signal: an AbortSignal is wanted");
  }
  return signal;
}

/** @internal */
export function catalogOf(given: unknown): Catalog {
  const found = given ?? catalog;
  if (!(found instanceof Catalog)) {
    throw wrongOption(`catalog: ${inspect(found, { depth: 0 })} is no catalog`);
  }
  return found;
}

/** @internal */
export function langOf(given: unknown): Lang {
  return oneOf("lang", given ?? "ko", ["ko", "en", "ja"]) as Lang;
}

/**
 * What is searched for.
 *
 * @internal
 */
export function wantedOf(options: SearchOptions): Native.Wanted {
  const { since, until, tz, eventId, idNo, member } = options;
  if (since === undefined || since === null) {
    throw wrongOption("since: from when on? Give a time, a date, or a span before now such as 7d");
  }
  const wanted: Native.Wanted = { since: timeOf("since", since), tz: text("tz", tz ?? "UTC") };
  give(wanted, "until", until, timeOf);
  give(wanted, "eventId", eventId, text);
  give(wanted, "idNo", idNo, text);
  give(wanted, "member", member, memberOf);
  return wanted;
}

function memberOf(name: string, given: unknown): Native.Acting {
  const member = given as { memberType?: unknown };
  named(name, member, ["memberType", "emailAddress", "userCode", "idNo"]);
  const memberType = oneOf(`${name}.memberType`, member.memberType, ["TOAST", "IAM"]);
  const acting: Native.Acting = { memberType };
  const own = memberType === "IAM" ? "userCode" : "emailAddress";
  const { [own]: who, idNo, ...rest } = given as Record<string, unknown>;
  acting[own] = text(`${name}.${own}`, who);
  give(acting, "idNo", idNo, text);
  const [other] = Object.keys(rest).filter((key) => key !== "memberType");
  if (other !== undefined) {
    throw wrongOption(`${name}: a member of type ${memberType} has no ${other}`);
  }
  return acting;
}

/**
 * Sets what is given: the native module takes `undefined` for no text.
 *
 * @internal
 */
export function give<K extends string, V>(
  to: { [key in K]?: V },
  name: K,
  given: unknown,
  look: (name: string, given: unknown) => V,
): void {
  if (given !== undefined && given !== null) {
    to[name] = look(name, given);
  }
}

const STORAGE = ["endpoint", "region", "accessKeyId", "secretAccessKey"] as const;

/**
 * What reads the buckets among paths; nothing where there are none.
 *
 * @internal
 */
export function bucketsOf(
  paths: readonly string[] | null,
  storage: StorageOptions | undefined,
): Native.Buckets | undefined {
  if (!paths?.some((path) => native.isBucket(path))) {
    return undefined;
  }
  const given = storage ?? {};
  named("storage", given, [...STORAGE, "config"]);
  const reach: Native.Reach = {};
  for (const name of STORAGE) {
    give(reach, name, given[name], secret);
  }
  give(reach, "config", given.config, fileOf);
  const buckets = new native.Buckets(reach);
  warnOf(buckets.exposed);
  return buckets;
}

/**
 * Warns about a file that only its owner should be able to read or change.
 *
 * @internal
 */
export function warnOf(exposed: string | null): void {
  if (exposed !== null) {
    const message = `${exposed}: others can read or change this file, which may hold keys: chmod 600 it`;
    process.emitWarning(message, { type: "CloudTrailWarning", code: "EXPOSED_KEYS" });
  }
}

/**
 * The path of a file or a folder.
 *
 * @internal
 */
export function fileOf(name: string, given: unknown): string {
  if (!(given instanceof URL)) {
    return text(name, given);
  }
  if (given.protocol !== "file:") {
    throw wrongOption(`${name}: ${given} is no file`);
  }
  return fileURLToPath(given);
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

/** No milliseconds since 1970 that anybody means are fewer: 1973. */
const EARLIEST = 1e11;

/** @internal */
export function timeOf(name: string, given: unknown): string {
  if (typeof given === "number") {
    // Seconds since 1970, and ages, are numbers too.
    if (given < EARLIEST) {
      throw wrongOption(
        `${name}: milliseconds since 1970 are wanted, as Date.now() gives, not ${given}`,
      );
    }
    return timeOf(name, new Date(given));
  }
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

/** @internal */
export function list(name: string, given: unknown): string[] {
  return (Array.isArray(given) ? given : [given]).map((value) => text(name, value));
}

/** @internal */
export function text(name: string, given: unknown): string {
  if (typeof given !== "string") {
    throw wrongOption(`${name}: text is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given;
}

/**
 * Text that no error shows.
 *
 * @internal
 */
export function secret(name: string, given: unknown): string {
  if (typeof given !== "string") {
    throw wrongOption(`${name}: text is wanted, not ${typeof given}`);
  }
  return given;
}

function flag(name: string, given: unknown): boolean {
  if (typeof given !== "boolean") {
    throw wrongOption(`${name}: true or false is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given;
}

/** @internal */
export function whole(name: string, given: unknown): number {
  if (!Number.isSafeInteger(given) || (given as number) < 0) {
    throw wrongOption(`${name}: a whole number is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given as number;
}

/** @internal */
export function oneOf(name: string, given: unknown, all: readonly string[]): string {
  if (typeof given !== "string" || !all.includes(given)) {
    throw wrongOption(`${name}: ${inspect(given)} is none of ${all.join(", ")}`);
  }
  return given;
}

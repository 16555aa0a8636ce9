import { inspect } from "node:util";
import { type Batch, FIELDS } from "./batch";
import { CloudTrailError } from "./errors";
import native, { visible } from "./native";
import type {
  Action,
  EventId,
  FlatEvent,
  KnownEventId,
  KnownServiceId,
  Lang,
  Outcome,
  Position,
  ServiceId,
  TargetMember,
} from "./types";

const field = (name: string): number => FIELDS[name] as number;

const EVENT_ID = field("event_id");
const EVENT_TIME = field("event_time");
const EVENT_SOURCE_TYPE = field("event_source_type");
const USER_ID_NO = field("user_id_no");
const USER_ID = field("user_id");
const USER_NAME = field("user_name");
const USER_IP = field("user_ip");
const USER_AGENT = field("user_agent");
const PRODUCT_ID = field("product_id");
const REGION = field("region");
const ORG_ID = field("org_id");
const PROJECT_ID = field("project_id");
const PROJECT_NAME = field("project_name");
const APP_KEY = field("app_key");
const TENANT_ID = field("tenant_id");
const EVENT_LOG_UUID = field("event_log_uuid");
const REQUEST = field("request");
const RESPONSE = field("response");
const TARGET_MEMBERS = field("target_members");

/**
 * One CloudTrail event: a view of a record over its own bytes.
 *
 * Wire fields have their wire names; each is null where the record has no such field. A text field whose
 * value was no string holds it as JSON text, and `problems` names it. A field is made when it is read, so
 * events are cheap to make and to keep; but an event keeps the text alive that it was read with, some
 * megabyte of it, or all that was given to `parse`: `detach` those that are kept for long.
 */
class EventView {
  readonly #batch: Batch;
  readonly #index: number;

  /** @internal */
  constructor(batch: Batch, index: number) {
    this.#batch = batch;
    this.#index = index;
  }

  /**
   * When it happened, to the millisecond; null where the record has no time, or one that cannot be read,
   * which `problems` then names.
   */
  get eventTime(): Date | null {
    const millis = this.#batch.time(this.#index);
    return Number.isNaN(millis) ? null : new Date(millis);
  }

  /** What happened: the key of the catalog, such as `event_id.iaas.instance.create`. */
  get eventId(): EventId | null {
    return this.#batch.text(this.#index, EVENT_ID);
  }

  /** Through what it was done: `USER_CONSOLE`, `ADMIN_CONSOLE`, `API`. */
  get eventSourceType(): string | null {
    return this.#batch.text(this.#index, EVENT_SOURCE_TYPE);
  }

  /** The UUID of the acting member. */
  get userIdNo(): string | null {
    return this.#batch.text(this.#index, USER_ID_NO);
  }

  /** The ID of the acting member, an e-mail address for NHN Cloud members; also read from `UserId`. */
  get userId(): string | null {
    return this.#batch.text(this.#index, USER_ID);
  }

  /** The name of the acting member. */
  get userName(): string | null {
    return this.#batch.text(this.#index, USER_NAME);
  }

  /** The address it was done from, as written. */
  get userIp(): string | null {
    return this.#batch.text(this.#index, USER_IP);
  }

  /** The client it was done with. */
  get userAgent(): string | null {
    return this.#batch.text(this.#index, USER_AGENT);
  }

  /** The product that the event belongs to. */
  get productId(): string | null {
    return this.#batch.text(this.#index, PRODUCT_ID);
  }

  /** The region. */
  get region(): string | null {
    return this.#batch.text(this.#index, REGION);
  }

  /** The organization. */
  get orgId(): string | null {
    return this.#batch.text(this.#index, ORG_ID);
  }

  /** The project. */
  get projectId(): string | null {
    return this.#batch.text(this.#index, PROJECT_ID);
  }

  /** The project's name. */
  get projectName(): string | null {
    return this.#batch.text(this.#index, PROJECT_NAME);
  }

  /** The appkey of the service in the project. */
  get appKey(): string | null {
    return this.#batch.text(this.#index, APP_KEY);
  }

  /** The tenant. */
  get tenantId(): string | null {
    return this.#batch.text(this.#index, TENANT_ID);
  }

  /** The unique key of the record, in records since 2024. */
  get eventLogUuid(): string | null {
    return this.#batch.ownText(this.#index, EVENT_LOG_UUID);
  }

  /** What was asked for: JSON text, or any other. `requestJson` decodes it. */
  get request(): string | null {
    return this.#batch.ownText(this.#index, REQUEST);
  }

  /** What was answered: JSON text, or any other. `responseJson` decodes it. */
  get response(): string | null {
    return this.#batch.ownText(this.#index, RESPONSE);
  }

  /** The members that it was done to; null where the record names none. */
  get targetMembers(): TargetMember[] | null {
    if (!this.#batch.has(this.#index, TARGET_MEMBERS)) {
      return null;
    }
    const members = native.targetMembersOf(this.#record()) ?? null;
    return (
      members?.map(({ idNo = null, name = null, userCode = null, emailAddress = null }) => ({
        idNo,
        name,
        userCode,
        emailAddress,
      })) ?? null
    );
  }

  /**
   * The request, decoded from JSON anew each time; null where there is none.
   *
   * @throws {CloudTrailError} `INVALID_JSON` where it is not JSON: requests may be any text.
   */
  get requestJson(): unknown {
    return this.#json(this.request, "request");
  }

  /**
   * The response, decoded from JSON anew each time; null where there is none.
   *
   * @throws {CloudTrailError} `INVALID_JSON` where it is not JSON: responses may be any text.
   */
  get responseJson(): unknown {
    return this.#json(this.response, "response");
  }

  #json(text: string | null, name: string): unknown {
    if (text === null) {
      return null;
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      const { source, record, line, byte } = this.position;
      const place = `${source ?? "input"}, line ${line} (record ${record}, byte ${byte})`;
      // It quotes what it could not read, and a terminal may show it.
      const why = new SyntaxError(native.printable((error as Error).message));
      const message = `${place}: ${name}: not JSON, though it is data all the same: ${why.message}`;
      const details = { source, record, line, byte, field: name, cause: why };
      throw new CloudTrailError(native.printable(message), { code: "INVALID_JSON", ...details });
    }
  }

  /**
   * The event's name in a language, by default the one that the events were read with; null for an event
   * that the catalog does not know.
   */
  name(lang?: Lang): string | null {
    return this.#batch.name(this.#index, lang);
  }

  /** Whether the catalog has the event's ID. */
  get known(): boolean {
    return this.#batch.meaning(this.#index).known;
  }

  /**
   * Whether the record has any CloudTrail field and is not one of another system, such as AWS CloudTrail.
   * `stats.unrecognized` counts the others.
   */
  get isRecognized(): boolean {
    return this.#batch.isRecognized(this.#index);
  }

  /** The slug of the service; that of an unknown ID is inferred, or null. */
  get service(): ServiceId | null {
    return this.#batch.meaning(this.#index).service;
  }

  /** What the event is about: the middle segments of its ID. */
  get resource(): string | null {
    return this.#batch.meaning(this.#index).resource;
  }

  /** What was done: verb, kind, phase, provenance; null where the words of an unknown ID say nothing. */
  get action(): Action | null {
    return this.#batch.meaning(this.#index).action;
  }

  /** How the call went, as the response says. */
  get outcome(): Outcome {
    return this.#batch.header(this.#index).outcome;
  }

  /** The code in the response's header, as text. */
  get resultCode(): string | null {
    return this.#batch.header(this.#index).resultCode;
  }

  /** The message in the response's header. */
  get resultMessage(): string | null {
    return this.#batch.header(this.#index).resultMessage;
  }

  /**
   * The names of the fields whose value was not of the expected form, in camel case; unknown fields by
   * their key. Nothing is lost by it: their text is kept.
   */
  get problems(): string[] {
    const { fields, others } = native.problemsOf(this.#record());
    return [...new Set([...fields.map(camelCase), ...others])];
  }

  /**
   * The fields that nobody has told this library of, decoded. A whole number that a `number` cannot hold
   * is a `bigint`; of other numbers it has the nearest, and `extraJson` has all as written.
   */
  get extra(): Record<string, unknown> {
    const { bytes, hasExtra } = this.#batch.record(this.#index);
    const members = hasExtra ? native.extraOf(bytes) : [];
    return Object.fromEntries(members.map(({ key, json }) => [key, decode(json)]));
  }

  /**
   * What stands in no column of the table, as a JSON object: unknown fields, and under their wire names the
   * values that their own column cannot hold; null where there is nothing.
   */
  get extraJson(): string | null {
    const { bytes, hasExtra } = this.#batch.record(this.#index);
    const mayHave =
      hasExtra ||
      this.#batch.has(this.#index, TARGET_MEMBERS) ||
      (this.#batch.has(this.#index, EVENT_TIME) && Number.isNaN(this.#batch.time(this.#index)));
    return mayHave ? (native.extraJsonOf(bytes) ?? null) : null;
  }

  /** The record as it came, byte for byte. */
  get raw(): Buffer {
    return Buffer.from(this.#record());
  }

  /** Where the record came from. */
  get position(): Position {
    const [record, line, byte] = this.#batch.place(this.#index);
    return { source: this.#batch.source(this.#index), record, line, byte };
  }

  /**
   * What identifies the record: `eventLogUuid`, else the SHA-256 of its content in hexadecimal, which is
   * the same for two spellings of one record.
   */
  get key(): string {
    return native.keyOf(this.#record());
  }

  #record(): Uint8Array {
    return this.#batch.record(this.#index).bytes;
  }

  /** The same event with bytes of its own, so that it does not keep alive what it was read with. */
  detach(): Event {
    return new EventView(this.#batch.detach(this.#index), 0) as Event;
  }

  /** Whether the records of both are the same bytes. */
  equals(other: Event): boolean {
    return Buffer.compare(this.#record(), (other as EventView).#record()) === 0;
  }

  /** The flat form: what `JSON.stringify` writes. */
  toJSON(): FlatEvent {
    const { action } = this;
    const extra = this.extraJson;
    return {
      eventTime: this.eventTime?.toISOString() ?? null,
      eventId: this.eventId,
      eventName: this.name(),
      service: this.service,
      resource: this.resource,
      verb: action?.verb ?? null,
      kind: action?.kind ?? null,
      phase: action?.phase ?? null,
      outcome: this.outcome,
      resultCode: this.resultCode,
      resultMessage: this.resultMessage,
      eventSourceType: this.eventSourceType,
      userId: this.userId,
      userName: this.userName,
      userIdNo: this.userIdNo,
      userIp: this.userIp,
      userAgent: this.userAgent,
      region: this.region,
      orgId: this.orgId,
      projectId: this.projectId,
      projectName: this.projectName,
      productId: this.productId,
      appKey: this.appKey,
      tenantId: this.tenantId,
      targetMembers: this.targetMembers,
      eventLogUuid: this.eventLogUuid,
      request: this.request,
      response: this.response,
      extra: extra === null ? null : wellFormed(extra, JSON.parse(extra)),
      known: this.known,
    };
  }

  /** @internal */
  [inspect.custom](depth: number, options: object, show: typeof inspect): string {
    const shown = { ...this.toJSON(), eventTime: this.eventTime };
    const there = Object.entries(shown).filter(([, value]) => value !== null);
    const text = visible(show(Object.fromEntries(there), options));
    return depth < 0 ? "[Event]" : `Event ${text}`;
  }
}

/** An event whose ID the catalog has. Those of an overlay count as such, too. */
export interface KnownEvent extends EventView {
  /** The catalog has the event's ID. */
  readonly known: true;
  /** What happened: the key of the catalog. */
  readonly eventId: KnownEventId;
  /** The slug of the service. */
  readonly service: KnownServiceId;
  /** What was done: verb, kind, phase, provenance. */
  readonly action: Action;
  /** The event's name in a language, by default the one that the events were read with. */
  name(lang?: Lang): string;
}

/** An event whose ID the catalog does not have, or that has none. */
export interface UnknownEvent extends EventView {
  /** The catalog does not have the event's ID. */
  readonly known: false;
}

/**
 * One CloudTrail event; `event.known` tells TypeScript that its ID is one of the catalog's.
 *
 * Wire fields have their wire names; each is null where the record has no such field. A text field whose
 * value was no string holds it as JSON text, and `problems` names it. A field is made when it is read, so
 * events are cheap to make and to keep; but an event keeps the text alive that it was read with, some
 * megabyte of it, or all that was given to `parse`: `detach` those that are kept for long.
 */
export type Event = KnownEvent | UnknownEvent;

/** The class of events, for `instanceof`. They are made by `parse` and `read`. */
export const Event = EventView as unknown as {
  /** What events have in common. */
  readonly prototype: Event;
  [Symbol.hasInstance](value: unknown): value is Event;
};
Object.defineProperty(EventView, "name", { value: "Event" });

/** @internal */
export function eventOf(batch: Batch, index: number): Event {
  return new EventView(batch, index) as Event;
}

/** The name that a field has here. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What marks a whole number among strings: nobody can have put it into a record. */
const MARK = `${crypto.randomUUID()}:`;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** JSON text, decoded so that whole numbers keep their value. */
function decode(json: string): unknown {
  if (!/\d{16}/.test(json)) {
    return wellFormed(json, JSON.parse(json));
  }
  const marked = json.replace(TOKEN, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token,
  );
  const value = JSON.parse(marked, (_, value) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
  return wellFormed(json, value);
}

/** What was made of JSON, without halves of characters. */
function wellFormed<T>(json: string, value: T): T {
  return /\\u[dD][89a-fA-F]/.test(json) ? (mended(value) as T) : value;
}

function mended(value: unknown): unknown {
  if (typeof value === "string") {
    return value.toWellFormed();
  }
  if (Array.isArray(value)) {
    return value.map(mended);
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    return Object.fromEntries(members.map(([key, value]) => [key.toWellFormed(), mended(value)]));
  }
  return value;
}

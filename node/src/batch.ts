import { actionOf, type Catalog, inLang } from "./catalog";
import native, { type Native } from "./native";
import type { Action, Lang, Outcome } from "./types";

/** What the catalog says of an event's ID. */
export interface Meaning {
  readonly known: boolean;
  readonly names: readonly string[] | null;
  readonly service: string | null;
  readonly resource: string | null;
  readonly action: Action | null;
}

/** How the call went. */
export interface Header {
  readonly outcome: Outcome;
  readonly resultCode: string | null;
  readonly resultMessage: string | null;
}

/** The indexes of the fields, in the order of the core. */
export const FIELDS = Object.fromEntries(
  native.names().fields.map((name, index) => [name, index]),
) as Record<string, number>;

/** How many spans a record has: one for each field, then its own. */
const SPANS = native.names().fields.length + 1;
/** Where the own span of a record stands among them. */
const OWN = SPANS - 1;
/** How a span's length is told from its shape. */
const LENGTH = 2 ** 30 - 1;
/** What the other bits of a record's own length say. */
const HAS_EXTRA = 2 ** 30;
const UNRECOGNIZED = 2 ** 31;

/** What stands for a text that is absent, and for one that is too long to be remembered. */
const FIRST = [null, undefined] as const;
/** How many texts are remembered before all are forgotten, long ones counted as several. */
const MOST = 1 << 16;

const NOTHING: Meaning = {
  known: false,
  names: null,
  service: null,
  resource: null,
  action: null,
};

/**
 * What the events of a catalog have in common: each text that repeats is a string once, each meaning an
 * object once. The native context counts them, and here they stand by their numbers.
 */
class Context {
  readonly native: Native.Context;
  texts: (string | null | undefined)[] = [...FIRST];
  meanings: (Meaning | undefined)[] = [NOTHING, undefined];
  headers: Header[] = [];
  #weight = 0;

  constructor(given: Catalog) {
    this.native = new native.Context(given.native);
  }

  /** Takes what is new; batches that are there keep what they have. */
  add<T>(values: T[], fresh: readonly T[], weight: number): void {
    for (const value of fresh) {
      values.push(value);
    }
    this.#weight += weight;
    if (this.#weight > MOST) {
      this.native.forget();
      this.texts = [...FIRST];
      this.meanings = [NOTHING, undefined];
      this.headers = [];
      this.#weight = 0;
    }
  }
}

const contexts = new WeakMap<Catalog, Context>();

/** What has been found out of a column: numbers, and what they stand for. */
interface Numbered<T> {
  readonly numbers: Uint32Array;
  readonly values: readonly T[];
}

/**
 * Records that were read together. Each column is made of all of them when the first event is asked for
 * it.
 */
export class Batch {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #records: Native.Records;
  readonly #catalog: Catalog;
  readonly #context: Context;
  readonly #lang: Lang;
  #texts: (Numbered<string | null | undefined> | undefined)[] = new Array(SPANS).fill(undefined);
  #own: (readonly (string | null | undefined)[] | undefined)[] = new Array(SPANS).fill(undefined);
  #times: Float64Array | undefined;
  #meanings: Numbered<Meaning | undefined> | undefined;
  #headers: Numbered<Header> | undefined;

  constructor(records: Native.Records, input: Uint8Array | null, given: Catalog, lang: Lang) {
    let context = contexts.get(given);
    if (!context) {
      context = new Context(given);
      contexts.set(given, context);
    }
    this.length = records.places.length / 3;
    // INVARIANT: records have bytes of their own unless they were parsed of an input.
    this.#bytes = records.bytes ?? (input as Uint8Array);
    this.#records = records;
    this.#catalog = given;
    this.#context = context;
    this.#lang = lang;
  }

  /** A field whose texts repeat. */
  text(index: number, field: number): string | null {
    const { numbers, values } = this.#texts[field] ?? this.#loadTexts(field);
    const text = values[numbers[index] as number];
    return text === undefined ? this.#textAt(index, field) : text;
  }

  #loadTexts(field: number): Numbered<string | null | undefined> {
    const context = this.#context;
    const { numbers, fresh } = context.native.texts(this.#bytes, this.#records.spans, field);
    const loaded = { numbers, values: context.texts };
    context.add(loaded.values, fresh, fresh.length);
    this.#texts[field] = loaded;
    return loaded;
  }

  #textAt(index: number, field: number): string | null {
    return native.textAt(this.#bytes, this.#records.spans, field, index) ?? null;
  }

  /** A field whose texts are each event's own. */
  ownText(index: number, field: number): string | null {
    let texts = this.#own[field];
    if (!texts) {
      texts = native.textsOf(this.#bytes, this.#records.spans, field, gather, null);
      this.#own[field] = texts;
    }
    return texts[index] ?? null;
  }

  /** Milliseconds; NaN where there is no time that can be read. */
  time(index: number): number {
    this.#times ??= native.timesOf(this.#bytes, this.#records.spans);
    return this.#times[index] as number;
  }

  meaning(index: number): Meaning {
    const { numbers, values } = this.#meanings ?? this.#loadMeanings();
    const meaning = values[numbers[index] as number];
    if (meaning === undefined) {
      const id = this.#textAt(index, FIELDS["event_id"] as number) ?? "";
      return meaningOf(this.#context.native.meaning(id));
    }
    return meaning;
  }

  #loadMeanings(): Numbered<Meaning | undefined> {
    const context = this.#context;
    const { numbers, fresh } = context.native.meanings(this.#bytes, this.#records.spans);
    this.#meanings = { numbers, values: context.meanings };
    context.add(context.meanings, fresh.map(meaningOf), fresh.length);
    return this.#meanings;
  }

  header(index: number): Header {
    const { numbers, values } = this.#headers ?? this.#loadHeaders();
    return values[numbers[index] as number] as Header;
  }

  #loadHeaders(): Numbered<Header> {
    const context = this.#context;
    const { numbers, fresh } = context.native.headers(this.#bytes, this.#records.spans);
    this.#headers = { numbers, values: context.headers };
    const headers = fresh.map(({ outcome, resultCode = null, resultMessage = null }) => ({
      outcome: outcome as Outcome,
      resultCode,
      resultMessage,
    }));
    const weigh = (weight: number, { resultCode, resultMessage }: Header) =>
      weight + 1 + ((resultCode?.length ?? 0) + (resultMessage?.length ?? 0)) / 64;
    context.add(context.headers, headers, headers.reduce(weigh, 0));
    return this.#headers;
  }

  name(index: number, lang: Lang = this.#lang): string | null {
    const { names } = this.meaning(index);
    // A language that there is not is an error for every event.
    return inLang(names ?? [null, null, null], lang) as string | null;
  }

  /** The bytes of a record, and whether there may be more to it than its fields. */
  record(index: number): { bytes: Uint8Array; hasExtra: boolean } {
    const { spans } = this.#records;
    const at = (index * SPANS + OWN) * 2;
    const [from, length] = [spans[at] as number, spans[at + 1] as number];
    return {
      bytes: this.#bytes.subarray(from, from + (length & LENGTH)),
      hasExtra: (length & HAS_EXTRA) !== 0,
    };
  }

  /** Whether a record has any wire field and is not one of another system. */
  isRecognized(index: number): boolean {
    return (this.#records.spans[(index * SPANS + OWN) * 2 + 1] as number) < UNRECOGNIZED;
  }

  /** Whether a record has a field, of whatever form. */
  has(index: number, field: number): boolean {
    return (this.#records.spans[(index * SPANS + field) * 2 + 1] as number) > LENGTH;
  }

  place(index: number): [record: number, line: number, byte: number] {
    const { places } = this.#records;
    const at = index * 3;
    return [places[at] as number, places[at + 1] as number, places[at + 2] as number];
  }

  source(index: number): string | null {
    const run = this.#records.sources.findLast(({ from }) => from <= index);
    return run?.source ?? null;
  }

  /** An event with bytes of its own, alone in its batch. */
  detach(index: number): Batch {
    const { spans, places } = this.#records;
    const { bytes } = this.record(index);
    const own = spans.slice(index * SPANS * 2, (index + 1) * SPANS * 2);
    const by = own[OWN * 2] as number;
    for (let at = 0; at < own.length; at += 2) {
      own[at] = (own[at] as number) - by;
    }
    const records = {
      bytes: Buffer.from(bytes),
      spans: own,
      places: places.slice(index * 3, index * 3 + 3),
      sources: [{ from: 0, source: this.source(index) ?? undefined }],
    };
    return new Batch(records as Native.Records, null, this.#catalog, this.#lang);
  }
}

function gather<T>(...values: T[]): T[] {
  return values;
}

function meaningOf(given: Native.Meaning): Meaning {
  const { known, names = null, service = null, resource = null, action } = given;
  return { known, names, service, resource, action: actionOf(action) };
}

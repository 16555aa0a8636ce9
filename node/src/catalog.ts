import { inspect } from "node:util";
import { wrongOption } from "./errors";
import native, { type Native, visible } from "./native";
import type { Action, EventId, KnownEventId, Lang, ServiceId } from "./types";

/** What the Resource Watcher guide says that an event does to resources of a type. */
export interface ResourceEffect {
  /** Resource Watcher's name of the type, such as `Infrastructure:VPC`. */
  readonly resourceType: string;
  /** What happens to such a resource; null where the guide says: nothing. */
  readonly effect: "create" | "modify" | "delete" | null;
}

/** From when to when the list of an edition had an ID. Dates are `YYYY-MM-DD`. */
export interface Listing {
  /** The edition of NHN Cloud, such as `public` or `gov`. */
  readonly edition: string;
  /** The first revision of the list with the ID. */
  readonly first: string;
  /** The last revision with it; null while the newest has it. */
  readonly last: string | null;
}

/** A row of an event list as it was published once. */
export interface ListRow {
  /** The event ID. */
  readonly id: string;
  /** The event's name. */
  readonly name: string;
  /** The service's name. */
  readonly service: string;
}

/** A service of NHN Cloud. */
export class Service {
  /** The project's short name for it, such as `rds-for-mysql`. */
  readonly slug: ServiceId;
  /** How many entries of the catalog belong to it. */
  readonly events: number;
  readonly #names: readonly string[];

  /** @internal */
  constructor(given: Native.Service) {
    this.slug = given.slug;
    this.events = given.events;
    this.#names = given.names;
  }

  /** Its name in a language. */
  name(lang: Lang = "ko"): string {
    return inLang(this.#names, lang);
  }

  /** @internal */
  [inspect.custom](_depth: number, options: object, show: typeof inspect): string {
    return `Service ${visible(show({ ...this, name: this.name() }, options))}`;
  }
}

/** What the catalog knows of one event ID. */
export class Entry {
  /** The event ID. */
  readonly id: EventId;
  /** Earlier Korean names, newest first. */
  readonly formerNames: readonly string[];
  /** The slug of the one service that the ID spells, else of the first of its services; null where it has none. */
  readonly service: ServiceId | null;
  /** The slugs of all services that the event belongs to. */
  readonly services: readonly ServiceId[];
  /** What the event is about: the middle segments of its ID. */
  readonly resource: string | null;
  /** What the event does; null only for entries of an overlay whose words say nothing. */
  readonly action: Action | null;
  /** What the Resource Watcher guide says that the event does to resources. */
  readonly effects: readonly ResourceEffect[];
  /** From when to when the lists of which editions had the ID. */
  readonly listings: readonly Listing[];
  /** The first revision of any list that had the ID. */
  readonly firstListed: string | null;
  /** The last revision of any list that had the ID; null while a newest one has it. */
  readonly lastListed: string | null;
  /** Whether no newest list has the ID any more. Archived logs still do. */
  readonly retired: boolean;
  readonly #names: readonly string[];
  readonly #published: readonly boolean[];
  readonly #editions: readonly string[];

  /** @internal */
  constructor(given: Native.Entry) {
    this.id = given.id;
    this.formerNames = given.formerNames;
    this.service = given.service ?? null;
    this.services = given.services;
    this.resource = given.resource ?? null;
    this.action = actionOf(given.action);
    this.effects = given.effects.map(({ resourceType, effect = null }) => ({
      resourceType,
      effect: effect as ResourceEffect["effect"],
    }));
    this.listings = given.listings.map(({ edition, first, last = null }) => ({
      edition,
      first,
      last,
    }));
    this.firstListed = given.firstListed ?? null;
    this.lastListed = given.lastListed ?? null;
    this.retired = given.retired;
    this.#names = given.names;
    this.#published = given.namesPublished;
    this.#editions = given.editions;
  }

  /** The event's name in a language. */
  name(lang: Lang = "ko"): string {
    return inLang(this.#names, lang);
  }

  /** Whether NHN Cloud published the name in a language, or the project supplies it. */
  nameIsPublished(lang: Lang = "ko"): boolean {
    return inLang(this.#published, lang);
  }

  /** Whether the newest list of an edition, such as `gov`, has the ID. */
  isCurrentIn(edition: string): boolean {
    return this.#editions.includes(edition);
  }

  /** @internal */
  [inspect.custom](_depth: number, options: object, show: typeof inspect): string {
    return `Entry ${visible(show({ ...this, name: this.name() }, options))}`;
  }
}

/**
 * What every event ID means: the built-in catalog is `catalog`, and `catalog.withOverlay(tsv)` makes
 * others of it.
 *
 * ```js
 * catalog.get("event_id.iaas.instance.create").name("en"); // "Create Instance"
 * ```
 */
export class Catalog implements Iterable<Entry> {
  /** @internal */
  readonly native: Native.Catalog;
  #ids: readonly string[] | undefined;

  /** @internal */
  constructor(given: Native.Catalog = new native.Catalog()) {
    if (!(given instanceof native.Catalog)) {
      throw wrongOption("catalogs are made by catalog.withOverlay");
    }
    this.native = given;
    // Of no use to anybody, and not to be shown.
    Object.defineProperty(this, "native", { enumerable: false });
  }

  /** The version of the built-in catalog: the date of the newest list that it was made from. */
  get version(): string {
    return this.native.version;
  }

  /** How many entries there are. */
  get size(): number {
    return this.keys().length;
  }

  /**
   * The entry of an event ID; null for one that the catalog does not have. IDs are case-sensitive.
   *
   * For an ID that you write, `catalog.get("…" satisfies KnownEventId)` has a misspelt one caught.
   */
  get(id: KnownEventId): Entry;
  get(id: EventId): Entry | null;
  get(id: EventId): Entry | null {
    const entry = this.native.get(String(id));
    return entry ? new Entry(entry) : null;
  }

  /** Whether the catalog has an event ID. */
  has(id: string): id is KnownEventId {
    return this.get(id as EventId) !== null;
  }

  /**
   * The entries that fit a text, best first: names in any of the three languages, former names, or parts
   * of the ID. Case and spacing do not matter.
   */
  search(text: string): Entry[] {
    return this.native.search(String(text)).map((entry) => new Entry(entry));
  }

  /** A few entries whose IDs a misspelt ID may have meant, the nearest first. */
  suggest(id: string): Entry[] {
    return this.native.suggest(String(id)).map((entry) => new Entry(entry));
  }

  /** Every service, sorted by slug. */
  services(): Service[] {
    return this.native.services().map((service) => new Service(service));
  }

  /** The names of the lists that `list` knows. */
  lists(): string[] {
    return this.native.lists();
  }

  /**
   * An event list as it was published once, such as `gov-2020-10-29`: rows as printed, in order; null for
   * a list that there is not.
   */
  list(name: string): ListRow[] | null {
    return this.native.list(String(name)) ?? null;
  }

  /** Every event ID, sorted. */
  keys(): readonly string[] {
    this.#ids ??= Object.freeze(this.native.ids());
    return this.#ids;
  }

  /** Every entry, sorted by ID. */
  *[Symbol.iterator](): IterableIterator<Entry> {
    for (const id of this.keys()) {
      const entry = this.native.get(id);
      if (entry) {
        yield new Entry(entry);
      }
    }
  }

  /**
   * This catalog with entries added or corrected by a TSV of the shape that `toTsv` gives.
   *
   * @throws {CloudTrailError} `INVALID_OVERLAY` where it is not of that shape.
   */
  withOverlay(tsv: string | Uint8Array): Catalog {
    const bytes = typeof tsv === "string" ? Buffer.from(tsv) : tsv;
    if (!(bytes instanceof Uint8Array)) {
      throw wrongOption(`withOverlay: text or bytes are wanted, not ${inspect(tsv, { depth: 0 })}`);
    }
    return new Catalog(this.native.withOverlay(bytes));
  }

  /** The whole catalog as a TSV with a header, sorted by ID. */
  toTsv(): string {
    return this.native.toTsv();
  }

  /** @internal */
  [inspect.custom](): string {
    return `Catalog { ${this.size} events, version ${this.version} }`;
  }
}

/** What every event ID means. */
export const catalog = new Catalog();

const LANGS: readonly string[] = ["ko", "en", "ja"];

/**
 * What stands for a language among what is there for each.
 *
 * @internal
 */
export function inLang<T>(all: readonly T[], lang: Lang): T {
  const found = all[LANGS.indexOf(lang)];
  if (found === undefined) {
    throw wrongOption(`lang: ${inspect(lang)} is none of ${LANGS.join(", ")}`);
  }
  return found;
}

/**
 * An action with null for what is absent.
 *
 * @internal
 */
export function actionOf(given: Native.Action | null | undefined): Action | null {
  if (!given) {
    return null;
  }
  const { verb = null, kind, phase = null, provenance } = given;
  return Object.freeze({ verb, kind, phase, provenance }) as Action;
}

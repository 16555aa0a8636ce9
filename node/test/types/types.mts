// What TypeScript knows. Nothing of it runs: `tsc` is the test, and each `@ts-expect-error` fails where
// there is no error.
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import {
  type Action,
  type Catalog,
  CloudTrailError,
  catalog,
  type Entry,
  Event,
  type EventId,
  eventStream,
  type FlatEvent,
  type KnownEventId,
  type KnownServiceId,
  type OnError,
  type Outcome,
  parse,
  type Reader,
  type ReadOptions,
  type Reject,
  read,
  readTable,
  type ServiceId,
  type Stats,
  type Table,
} from "nhn-cloudtrail";

/** Whether two types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

// IDs.
const known: KnownEventId = "event_id.iaas.instance.create";
// @ts-expect-error it is misspelt
const misspelt: KnownEventId = "event_id.iaas.instance.craete";
const open: EventId = "event_id.of.tomorrow";
const service: KnownServiceId = "infrastructure";
// @ts-expect-error there is no such service
const noService: KnownServiceId = "infrastructur";
const openService: ServiceId = "of-an-overlay";

// The catalog.
same<ReturnType<typeof catalog.search>, Entry[]>();
catalog.get("event_id.iaas.instance.create").name("en");
// @ts-expect-error it may not be there
catalog.get("event_id.of.tomorrow").name("en");
catalog.get("event_id.of.tomorrow")?.name("en");
// @ts-expect-error there is no such language
catalog.get("event_id.iaas.instance.create").name("fr");
// @ts-expect-error it is misspelt
catalog.get("event_id.iaas.instance.craete" satisfies KnownEventId);
const overlaid: Catalog = catalog.withOverlay("event_id\n");

// Events.
function look(event: Event): void {
  same<typeof event.userName, string | null>();
  same<typeof event.eventTime, Date | null>();
  same<typeof event.outcome, Outcome>();
  same<typeof event.extra, Record<string, unknown>>();
  same<ReturnType<typeof event.toJSON>, FlatEvent>();
  if (event.known) {
    same<typeof event.eventId, KnownEventId>();
    same<typeof event.service, KnownServiceId>();
    same<typeof event.action, Action>();
    event.name().toUpperCase();
    // @ts-expect-error it is misspelt, so it is never true
    if (event.eventId === "event_id.iaas.instance.craete") {
      return;
    }
    switch (event.eventId) {
      case "event_id.iaas.instance.create":
        break;
      // @ts-expect-error it is misspelt
      case "event_id.iaas.instance.delet":
        break;
    }
  } else {
    // @ts-expect-error it may have no name
    event.name().toUpperCase();
    // @ts-expect-error it may have no action
    event.action.kind;
  }
  // @ts-expect-error events do not change
  event.userName = "somebody";
  // @ts-expect-error there is no such field
  event.username;
}

// @ts-expect-error events are made by parse and read
new Event();

// Reading.
async function consume(options: ReadOptions): Promise<Stats> {
  const reader = read(["a.jsonl", new URL("file:///b.jsonl")], options);
  same<typeof reader, Reader>();
  for await (const event of reader) {
    look(event);
  }
  same<typeof reader.rejects, Reject[]>();
  return reader.stats;
}
consume({ kind: "delete", since: new Date(), phase: ["none", "failed"], onError: "collect" });
consume({ signal: AbortSignal.timeout(1000), limits: { recordBytes: 1 << 20 }, catalog: overlaid });
// @ts-expect-error there is no such kind
consume({ kind: "deletion" });
// @ts-expect-error there is no such option
consume({ kinds: "delete" });
// @ts-expect-error parse has nowhere to keep rejects
parse("", { onError: "collect" });
same<ReturnType<typeof parse>, Event[]>();
read(createReadStream("a.jsonl"));
read(new Blob([]).stream());
read([new Uint8Array()]);
// @ts-expect-error a number is no source
read(1);
await pipeline(createReadStream("a.jsonl"), eventStream({ user: "admin" }), async (events) => {
  for await (const event of events) {
    look(event as Event);
  }
});

// Tables.
const table: Table = await readTable("a.jsonl", { columns: ["event_time", "source"], threads: 2 });
const bytes: Uint8Array = table;
// @ts-expect-error there is no such column
readTable("a.jsonl", { columns: ["eventTime"] });

// Errors.
try {
  parse("{");
} catch (error) {
  if (error instanceof CloudTrailError) {
    const place: number | null = error.line;
    // @ts-expect-error there is no such code
    if (error.code === "NOT_A_CODE") {
      console.log(place);
    }
  }
}
const onError: OnError = "skip";

export { bytes, known, misspelt, noService, onError, open, openService, service };

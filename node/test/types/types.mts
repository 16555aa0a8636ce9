// What TypeScript knows. Nothing of it runs: `tsc` is the test, and each `@ts-expect-error` fails where
// there is no error.
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import {
  type Action,
  type ArchiveStatus,
  archiveStatus,
  type Catalog,
  Client,
  CloudTrailError,
  type CollectReport,
  catalog,
  collect,
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
  type Verification,
  verifyArchive,
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

// The query API, archives, Object Storage.
const client = new Client({ baseUrl: "https://x.example.com", appKey: "a", api: "v1" });
// @ts-expect-error there is no such version
new Client({ api: "v3" });
const search = client.search({
  since: "7d",
  until: new Date(),
  kind: "delete",
  onError: "collect",
});
same<typeof search, Reader>();
for await (const event of search) {
  look(event);
}
client.search({ since: "7d", member: { memberType: "IAM", userCode: "a" } });
// @ts-expect-error that of the IAM has a code
client.search({ since: "7d", member: { memberType: "IAM", emailAddress: "a" } });
// @ts-expect-error from when on?
client.search({ kind: "delete" });
// @ts-expect-error each event comes once anyway
client.search({ since: "7d", dedup: true });
const report: CollectReport = await collect({
  into: new URL("file:///archive"),
  client,
  since: "86d",
  onProgress: ({ done, total }) => console.log(done / total),
});
same<typeof report.error, CloudTrailError | null>();
same<(typeof report.gaps)[number]["since"], Date | null>();
await collect({ into: "archive", bucket: "s3://audit", storage: { region: "kr1" } });
// @ts-expect-error where to?
collect({ client, since: "86d" });
const verification: Verification = await verifyArchive("archive", { head: report.head });
// @ts-expect-error there is no such kind
verification.findings[0]?.kind === "changed";
const status: ArchiveStatus = await archiveStatus("archive");
same<NonNullable<typeof status.lastRun>["begun"], Date>();
read("s3://audit", { storage: { endpoint: "https://x.example.com" } });
// @ts-expect-error parse reads no bucket
parse("", { storage: {} });

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

// One contender in Node, once: `peers.mjs CONTENDER FILE THREADS` prints how long it took, what it found
// and how much memory it needed, as one line of JSON. `cargo xtask bench` runs it, a fresh process each
// time, with our package in the folder that it is run in. Imports are not counted.
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";

const { parse, read } = createRequire(join(process.cwd(), "package.json"))("nhn-cloudtrail");
const [contender, file] = process.argv.slice(2);

const THREE = ["eventTime", "eventId", "userId"];
const ALL = [
  "eventTime", "eventId", "eventSourceType", "userIdNo", "userId", "userName", "userIp", "userAgent",
  "productId", "region", "orgId", "projectId", "projectName", "appKey", "tenantId", "eventLogUuid",
  "request", "response",
];

// Each with its fields by name, as a program has them.
const look = (fields) =>
  new Function("record", `return ${fields.map((name) => `(record.${name} ?? "")`).join(", ")}, record.eventId.length;`);
const three = look(THREE);
const all = look([...ALL, "eventTarget"]);
const ourAll = look([...ALL, "targetMembers"]);
// What the catalog and the response say, of which JSON knows nothing.
const enriched = look([...THREE, "service", "outcome"]);

/** API answers, each as it comes from the network. */
function answers() {
  const bytes = readFileSync(file);
  const found = [];
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(10, from) + 1 || bytes.length;
    found.push(Buffer.from(bytes.subarray(from, to)));
    from = to;
  }
  return found;
}

function each(records) {
  const given = answers();
  return () => {
    const found = { rows: 0, check: 0 };
    for (const answer of given) {
      records(answer, found);
    }
    return found;
  };
}

const json = (field) =>
  each((answer, found) => {
    for (const record of JSON.parse(answer.toString()).page.content) {
      found.rows += 1;
      found.check += field(record);
    }
  });

const ours = (field) =>
  each((answer, found) => {
    for (const event of parse(answer)) {
      found.rows += 1;
      found.check += field(event);
    }
  });

async function lines() {
  const found = { rows: 0, check: 0 };
  const input = createReadStream(file);
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    found.rows += 1;
    found.check += three(JSON.parse(line));
  }
  return found;
}

async function events() {
  const found = { rows: 0, check: 0 };
  for await (const event of read(file)) {
    found.rows += 1;
    found.check += three(event);
  }
  return found;
}

const CONTENDERS = {
  "json-three": () => json(three),
  "json-all": () => json(all),
  "ours-three": () => ours(three),
  "ours-enriched": () => ours(enriched),
  "ours-all": () => ours(ourAll),
  lines: () => lines,
  read: () => events,
};

const work = CONTENDERS[contender]();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const start = performance.now();
const found = await work();
const seconds = (performance.now() - start) / 1000;
delay.disable();
const status = readFileSync("/proc/self/status", "utf8");
const peak_mb = Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024;
const delay_ms = delay.percentile(99) / 1e6;
console.log(JSON.stringify({ seconds, peak_mb, delay_ms, ...found }));

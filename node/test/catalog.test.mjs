// The catalog, against the data that it was made of.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Catalog, catalog, Entry, parse, Service } from "nhn-cloudtrail";
import { ours, ROOT } from "./support.mjs";

const DATA = join(ROOT, "crates/nhn-cloudtrail/data");
const LANGS = ["ko", "en", "ja"];

/** The rows of a TSV with a header. */
function rows(text) {
  const [header, ...lines] = text.replace(/\n$/, "").split("\n");
  const columns = header.split("\t");
  return lines.map((line) => {
    const cells = line.split("\t");
    assert.equal(cells.length, columns.length, line);
    return Object.fromEntries(columns.map((column, index) => [column, cells[index]]));
  });
}

const data = (name) => rows(readFileSync(join(DATA, name), "utf8"));
const EVENTS = data("events.tsv");
const OWN_NAMES = new Map(
  data("names.tsv").map((row) => [`${row.event_id} ${row.lang}`, row.name]),
);

describe("every event of the data", () => {
  test("is there, and no other", () => {
    assert.equal(EVENTS.length, 2248);
    assert.equal(catalog.size, EVENTS.length);
    assert.deepEqual(catalog.keys().toSorted(), EVENTS.map((row) => row.event_id).toSorted());
  });

  test("has its names", () => {
    for (const row of EVENTS) {
      const entry = catalog.get(row.event_id);
      assert.ok(entry instanceof Entry, row.event_id);
      assert.equal(entry.id, row.event_id);
      for (const lang of LANGS) {
        const published = row[`name_${lang}`];
        const name = published || OWN_NAMES.get(`${row.event_id} ${lang}`);
        assert.ok(name, `${row.event_id} has no name in ${lang}`);
        assert.equal(entry.name(lang), name);
        assert.equal(entry.nameIsPublished(lang), published !== "", `${row.event_id} in ${lang}`);
      }
      assert.equal(entry.name(), entry.name("ko"));
    }
  });

  test("has its services, former names and listings", () => {
    const list = (text, by) => text.split(by).filter(Boolean);
    for (const row of EVENTS) {
      const entry = catalog.get(row.event_id);
      assert.deepEqual(entry.services.toSorted(), list(row.services, ",").toSorted());
      assert.ok(entry.services.includes(entry.service));
      assert.equal(entry.formerNames.length > 0, row.former_names_ko !== "", row.event_id);
      const listings = list(row.listings, ";").map((listing) => {
        const [, edition, first, last] = listing.match(/^(\w+)=([\d-]+)\/([\d-]*)$/);
        return { edition, first, last: last || null };
      });
      assert.deepEqual(entry.listings, listings);
      const current = listings.filter(({ last }) => last === null).map(({ edition }) => edition);
      assert.equal(entry.retired, current.length === 0, row.event_id);
      for (const { edition } of listings) {
        assert.equal(entry.isCurrentIn(edition), current.includes(edition), row.event_id);
      }
      assert.equal(entry.firstListed, listings.map(({ first }) => first).toSorted()[0]);
      const lasts = listings.map(({ last }) => last).toSorted();
      assert.equal(entry.lastListed, current.length > 0 ? null : lasts.at(-1));
      assert.ok(entry.action.kind.length > 0);
    }
  });

  test("has the effects of the guide", () => {
    // The guide names a few IDs that are in no list.
    const effects = data("effects.tsv").filter((row) => catalog.has(row.event_id));
    assert.ok(effects.length > 100);
    for (const { event_id, resource_type, effect } of effects) {
      const found = catalog.get(event_id).effects.find((one) => one.resourceType === resource_type);
      assert.equal(found?.effect, effect || null, event_id);
    }
    const count = [...catalog].reduce((sum, entry) => sum + entry.effects.length, 0);
    assert.equal(count, effects.length);
  });

  test("is what events say of themselves", () => {
    const text = EVENTS.map((row) => JSON.stringify({ eventId: row.event_id })).join("\n");
    const events = parse(text);
    assert.equal(events.length, EVENTS.length);
    for (const event of events) {
      const entry = catalog.get(event.eventId);
      assert.equal(event.known, true);
      assert.deepEqual(
        LANGS.map((lang) => event.name(lang)),
        LANGS.map((lang) => entry.name(lang)),
      );
      assert.equal(event.service, entry.service);
      assert.equal(event.resource, entry.resource);
      assert.deepEqual(event.action, entry.action);
    }
  });
});

describe("services", () => {
  test("are those of the data", () => {
    const services = catalog.services();
    assert.deepEqual(
      services.map((service) => ({
        service: service.slug,
        name_ko: service.name("ko"),
        name_en: service.name("en"),
        name_ja: service.name("ja"),
        events: String(service.events),
      })),
      data("services.tsv").toSorted((one, other) => (one.service < other.service ? -1 : 1)),
    );
    assert.ok(services.every((service) => service instanceof Service));
    assert.equal(services[0].name(), services[0].name("ko"));
  });

  test("count the entries", () => {
    const entries = [...catalog];
    for (const { slug, events } of catalog.services()) {
      assert.equal(entries.filter(({ services }) => services.includes(slug)).length, events, slug);
    }
  });
});

describe("lists", () => {
  test("are those of the data", () => {
    const names = readdirSync(join(DATA, "lists")).map((name) => name.replace(/\.tsv$/, ""));
    assert.deepEqual(catalog.lists(), names.toSorted());
  });

  test("gov-2020-10-29, row by row", () => {
    const printed = data("lists/gov-2020-10-29.tsv");
    assert.ok(printed.length > 50);
    assert.deepEqual(
      catalog.list("gov-2020-10-29"),
      printed.map((row) => ({ id: row.event_id, name: row.name_ko, service: row.service })),
    );
  });

  test("that there are not", () => {
    for (const name of ["gov-1999-01-01", "", "toString"]) {
      assert.equal(catalog.list(name), null);
    }
  });
});

describe("looking up", () => {
  test("get and has", () => {
    assert.equal(catalog.get("event_id.iaas.instance.create").name("en"), "Create Instance");
    assert.equal(catalog.has("event_id.iaas.instance.create"), true);
    for (const id of [
      "",
      "nope",
      "event_id.iaas.instance.CREATE",
      " ",
      "__proto__",
      undefined,
      5,
    ]) {
      assert.equal(catalog.get(id), null);
      assert.equal(catalog.has(id), false);
    }
  });

  test("search", () => {
    const ids = (text) => catalog.search(text).map(({ id }) => id);
    assert.equal(ids("인스턴스 생성")[0], "event_id.iaas.instance.create");
    assert.equal(ids("인스턴스생성")[0], "event_id.iaas.instance.create");
    assert.equal(ids("create instance")[0], "event_id.iaas.instance.create");
    assert.equal(ids("インスタンスを作成")[0], "event_id.iaas.instance.create");
    assert.ok(ids("rds_for_mysql").length > 10);
    assert.ok(ids("rds_for_mysql").every((id) => id.includes("rds_for_mysql")));
    assert.deepEqual(ids("zzz no such thing zzz"), []);
    const renamed = EVENTS.find((row) => row.former_names_ko !== "");
    assert.ok(ids(renamed.former_names_ko.split(/[|;]/)[0]).includes(renamed.event_id));
  });

  test("suggest", () => {
    const ids = (id) => catalog.suggest(id).map((entry) => entry.id);
    assert.equal(ids("event_id.iaas.instance.creat")[0], "event_id.iaas.instance.create");
    assert.equal(ids("event_id.iaas.instnace.delete")[0], "event_id.iaas.instance.delete");
    assert.ok(ids("event_id.iaas.instance.creat").length < 10);
    assert.deepEqual(ids("zzzzzzzzzzzzzzzzzzzz"), []);
  });

  test("keys and iteration", () => {
    const keys = catalog.keys();
    assert.throws(() => keys.push("x"), TypeError);
    assert.deepEqual(
      [...catalog].map(({ id }) => id),
      [...keys],
    );
    assert.deepEqual(Array.from(keys), keys.toSorted());
    const [first] = catalog;
    assert.ok(first instanceof Entry);
    assert.deepEqual(first, catalog.get(first.id));
  });

  test("version", () => {
    const last = EVENTS.flatMap((row) => row.listings.match(/\d{4}-\d{2}-\d{2}/g))
      .toSorted()
      .at(-1);
    assert.match(catalog.version, /^\d{4}-\d{2}-\d{2}$/);
    assert.ok(catalog.version >= last);
  });

  test("languages that there are not", () => {
    const entry = catalog.get("event_id.iaas.instance.create");
    for (const lang of ["fr", "", null, "KO", 0]) {
      assert.throws(() => entry.name(lang), ours("INVALID_OPTION"));
      assert.throws(() => entry.nameIsPublished(lang), ours("INVALID_OPTION"));
      assert.throws(() => catalog.services()[0].name(lang), ours("INVALID_OPTION"));
    }
    assert.equal(entry.isCurrentIn("mars"), false);
  });

  test("console.log", () => {
    assert.equal(inspect(catalog), `Catalog { 2248 events, version ${catalog.version} }`);
    const text = inspect(catalog.get("event_id.iaas.instance.create"));
    assert.match(text, /^Entry \{.*id: 'event_id\.iaas\.instance\.create'.*name: '인스턴스 생성'/s);
    assert.match(inspect(catalog.services()[0]), /^Service \{ slug: '/);
  });
});

describe("overlays", () => {
  const HEADER = "event_id\tservices\tname_ko\tname_en\tname_ja\n";
  const overlay = catalog.withOverlay(
    `${HEADER}my.own.thing.create\tiam\t나의 것\tMine\t私の\n` +
      "event_id.iaas.instance.create\tinfrastructure\t새 이름\tNew Name\t新しい名前\n",
  );

  test("add and correct", () => {
    assert.ok(overlay instanceof Catalog);
    assert.equal(overlay.size, catalog.size + 1);
    const mine = overlay.get("my.own.thing.create");
    assert.deepEqual(
      LANGS.map((lang) => mine.name(lang)),
      ["나의 것", "Mine", "私の"],
    );
    assert.deepEqual([mine.service, mine.action.kind], ["iam", "create"]);
    assert.equal(overlay.get("event_id.iaas.instance.create").name("en"), "New Name");
    assert.ok(overlay.keys().includes("my.own.thing.create"));
    assert.deepEqual(
      overlay.search("나의 것").map(({ id }) => id),
      ["my.own.thing.create"],
    );
  });

  test("change no other catalog", () => {
    assert.equal(catalog.get("my.own.thing.create"), null);
    assert.equal(catalog.get("event_id.iaas.instance.create").name("en"), "Create Instance");
    assert.equal(catalog.size, 2248);
  });

  test("of an overlay", () => {
    const more = overlay.withOverlay(`${HEADER}my.own.thing.delete\tiam\t삭제\tDelete\t削除\n`);
    assert.deepEqual([more.size, overlay.size], [catalog.size + 2, catalog.size + 1]);
  });

  test("as bytes", () => {
    const text = `${HEADER}my.own.thing.create\tiam\t나의 것\tMine\t私の\n`;
    for (const bytes of [Buffer.from(text), new Uint8Array(Buffer.from(text))]) {
      assert.equal(catalog.withOverlay(bytes).get("my.own.thing.create").name(), "나의 것");
    }
  });

  test("of no such shape", () => {
    const many = `${HEADER}a.b\tiam\t1\t2\t3\t4\n`;
    for (const text of ["", "nope\n", "event_id\tnope\n", many, Buffer.from([0xff])]) {
      assert.throws(() => catalog.withOverlay(text), ours("INVALID_OVERLAY"));
    }
  });

  test("toTsv is an overlay that changes nothing", () => {
    for (const one of [catalog, overlay]) {
      const text = one.toTsv();
      const again = catalog.withOverlay(text);
      assert.equal(again.toTsv(), text);
      const entries = (of) =>
        [...of].map((entry) => [
          entry,
          LANGS.map((lang) => [entry.name(lang), entry.nameIsPublished(lang)]),
        ]);
      assert.deepEqual(entries(again), entries(one));
      assert.deepEqual(
        rows(text)
          .map((row) => row.event_id)
          .filter((id, index, ids) => ids[index - 1] !== id),
        one.keys(),
      );
    }
  });
});

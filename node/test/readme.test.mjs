// The code in node/README.md, as it stands there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { api, KEYS } from "./servers.mjs";
import { ROOT } from "./support.mjs";

const readme = readFileSync(join(ROOT, "node/README.md"), "utf8");
const blocks = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
const folder = mkdtempSync(join(tmpdir(), "nhn-cloudtrail-"));
after(() => rmSync(folder, { recursive: true }));
cpSync(join(ROOT, "examples/logs"), join(folder, "logs"), { recursive: true });

/** Where the code finds an API and its keys. */
let env;
const ends = [];
before(async () => {
  const { url } = await api({ after: (end) => ends.push(end) }, "--events", "300");
  env = {
    ...process.env,
    NHN_CLOUDTRAIL_BASE_URL: url,
    NHN_CLOUDTRAIL_APP_KEY: KEYS.appKey,
    NHN_CLOUDTRAIL_ACCESS_KEY_ID: KEYS.accessKeyId,
    NHN_CLOUDTRAIL_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  };
});
after(() => Promise.all(ends.map((end) => end())));

test("there is code", () => assert.ok(blocks.length > 5));

for (const [index, code] of blocks.entries()) {
  test(`block ${index + 1} does what it says`, () => {
    const file = join(folder, `${index}.mjs`);
    const here = (name) => JSON.stringify(import.meta.resolve(name));
    const found = code.replace(/(?<=from )"(nhn-cloudtrail|apache-arrow)"/g, (_, name) =>
      here(name),
    );
    writeFileSync(file, found);
    const printed = execFileSync(process.execPath, [file], { cwd: folder, encoding: "utf8", env });
    for (const [, said] of code.matchAll(/console\.log\(.*\); \/\/ (.+)/g)) {
      assert.ok(printed.includes(said), `${printed} has no ${said}`);
    }
  });
}

// What holds for the package as a whole.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import * as esm from "nhn-cloudtrail";
import { ROOT } from "./support.mjs";

const require = createRequire(import.meta.url);
const cjs = require("nhn-cloudtrail");
const DIST = join(ROOT, "node/dist");

test("ES modules and CommonJS have the same", () => {
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort());
  for (const [name, value] of Object.entries(esm)) {
    assert.equal(cjs[name], value);
  }
});

test("the version is that of the workspace, and the same for npm and PyPI", () => {
  const { version } = require("nhn-cloudtrail/package.json");
  const cargo = readFileSync(join(ROOT, "Cargo.toml"), "utf8");
  assert.equal(/\[workspace\.package\]\nversion = "(.*)"/.exec(cargo)[1], version);
  assert.equal(cjs.VERSION, version);
  // maturin takes that of Cargo.
  assert.match(
    readFileSync(join(ROOT, "python/pyproject.toml"), "utf8"),
    /dynamic = \["version"\]/,
  );
});

test("nothing that is exported lacks a comment", () => {
  const files = readdirSync(DIST).filter((name) => name.endsWith(".d.ts"));
  const public_ = files.filter((name) => !/^(batch|index|native|ids)\./.test(name));
  assert.ok(public_.length > 5);
  const bare = [];
  for (const name of public_) {
    const lines = readFileSync(join(DIST, name), "utf8").split("\n");
    for (const [index, line] of lines.entries()) {
      const before = lines[index - 1] ?? "";
      const declares = /^export (declare )?(class|function|const|type \w+ =|interface)/.test(line);
      const isMember = /^ {4}(static |readonly |get )?\w+\??(\(|: )/.test(line);
      const overloads = /^ {4}(get|name)\(/.test(line) && /^ {4}(get|name)\(/.test(before);
      if ((declares || isMember) && !overloads && !before.trimEnd().endsWith("*/")) {
        bare.push(`${name}:${index + 1}: ${line.trim()}`);
      }
    }
  }
  assert.deepEqual(bare, []);
});

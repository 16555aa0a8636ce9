// What the package has besides what tsc makes: the ES module, which hands on what the CommonJS one has, so
// that a program that uses both has each class once, and `instanceof` means the same in both; and the
// licences, since npm packs no links.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const names = Object.keys(require("../dist/index.js")).filter((name) => name !== "__esModule");

writeFileSync(
  join(folder, "dist/index.mjs"),
  `import cloudtrail from "./index.js";\n\nexport const { ${names.join(", ")} } = cloudtrail;\n`,
);
// tsc leaves it out, and without it `Buffer` and `Duplex` would be nothing in silence.
const types = join(folder, "dist/index.d.ts");
writeFileSync(types, `/// <reference types="node" />\n${readFileSync(types, "utf8")}`);
writeFileSync(join(folder, "dist/index.d.mts"), 'export * from "./index.js";\n');
for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) {
  copyFileSync(join(folder, "..", licence), join(folder, licence));
}

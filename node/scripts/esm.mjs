// Writes the ES module, which hands on what the CommonJS one has: so a program that uses both has each
// class once, and `instanceof` means the same in both.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const names = Object.keys(require("../dist/index.js")).filter((name) => name !== "__esModule");
const dist = new URL("../dist/", import.meta.url);

writeFileSync(
  new URL("index.mjs", dist),
  `import cloudtrail from "./index.js";\n\nexport const { ${names.join(", ")} } = cloudtrail;\n`,
);
writeFileSync(new URL("index.d.mts", dist), 'export * from "./index.js";\n');

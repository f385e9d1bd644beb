// node build.mjs OUTPUT_FOLDER: page.js, and the licences of everything in it.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];

// The sanitizer is the page's own (Manager.inline_sanitize), so the 270 kB of the package are left out.
const without = {
  name: "without-sanitize-html",
  setup(b) {
    b.onResolve({ filter: /^sanitize-html$/ }, () => ({ path: "sanitize-html", namespace: "none" }));
    b.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export default (text) => text;" }));
  },
};

// What it was built from, so that a test can tell when it should be built anew.
const sources = ["../download.js", "../figure.js", "../upload.js", "build.mjs", "kernel.js", "package.json", "page.js"];
const hash = createHash("sha256");
for (const source of sources) hash.update(readFileSync(join(here, source)));

const { metafile } = await build({
  entryPoints: [join(here, "page.js")],
  outfile: join(out, "page.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  nodePaths: [join(here, "node_modules")],
  loader: { ".svg": "dataurl" },
  legalComments: "none",
  banner: { js: `/* built from ${hash.digest("hex")}; licences: page.LICENSES.txt */` },
  metafile: true,
  plugins: [without],
});

const packages = new Set();
for (const path of Object.keys(metafile.inputs)) {
  const found = path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/);
  if (found) packages.add(found[0]);
}
const texts = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : "Licence as named above; the package brings no text of it."}\n`;
});
writeFileSync(join(out, "page.LICENSES.txt"), texts.join(`\n${"-".repeat(79)}\n\n`));

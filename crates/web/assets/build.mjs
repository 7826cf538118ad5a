// Builds every file directly under src/ into dist/ under its own name; what is in folders is imported by those.
// The result depends on the sources and the lockfile only: no dates, no paths, no hashes in names (the server
// names assets by their content when it starts).
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";

const entries = readdirSync("src", { withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(js|css)$/.test(entry.name))
  .map((entry) => `src/${entry.name}`)
  .sort();

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: entries,
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "esm",
  charset: "utf8",
  legalComments: "none",
  // Cheap phones are old phones: modules, WebCrypto and cascade layers are the floor.
  target: ["chrome99", "firefox97", "safari15.4"],
  logLevel: "info",
});

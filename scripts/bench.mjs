/** Runs one benchmark: `npm run bench -- ledger`. Each is a file in bench/ and prints ratios measured in one run. */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { basename } from "node:path";

const [name, ...rest] = process.argv.slice(2);
const known = globSync("bench/*.bench.ts")
  .map((file) => basename(file, ".bench.ts"))
  .sort();
if (!name || !known.includes(name)) {
  console.error(`bench: name one of: ${known.join(", ")}`);
  process.exit(2);
}
const child = spawn(process.execPath, [`bench/${name}.bench.ts`, ...rest], { stdio: "inherit" });
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});

/** Loaded into a server that is measured: on SIGUSR2 it tidies up and writes down what memory it uses. */
import { renameSync, writeFileSync } from "node:fs";

const file = process.env.BENCH_MEMORY_FILE;
const tidy = (globalThis as { readonly gc?: () => void }).gc;

if (file && tidy) {
  process.on("SIGUSR2", () => {
    // What the first pass sets free of buffers, the second one counts.
    for (let pass = 0; pass < 3; pass++) tidy();
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(`${file}.new`, String(heapUsed + external));
    renameSync(`${file}.new`, file);
  });
}

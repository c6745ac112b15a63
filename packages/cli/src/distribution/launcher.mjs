#!/usr/bin/env node
/**
 * Starts a command of the installed package. The file is there once for each command, named like it.
 *
 * It may use nothing newer than what it asks for below: an older Node has to be able to read it.
 */
import * as nodeModule from "node:module";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED = [20, 18];
/** Made with the package: beside the sources there is no such file. */
const MAIN = "../dist/main.js";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  await start();
} else {
  const message = `Node ${process.versions.node} is too old; ${NEEDED.join(".")} or newer is needed.`;
  console.error(JSON.stringify({ error: { code: "node_too_old", message } }));
  process.exitCode = 1;
}

async function start() {
  // The one thing that we use and Node 20 lacks.
  Promise.withResolvers ??= function withResolvers() {
    const made = {};
    made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
  };
  // What was compiled is kept, in the user's own cache, by Nodes that can: the next start is quicker.
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  nodeModule.enableCompileCache?.(join(cache, "guildhall"));
  const { main } = await import(MAIN);
  await main(basename(fileURLToPath(import.meta.url), ".mjs"));
}

/**
 * Runs the commands of a page as they stand: all its blocks, one after the other, in one shell.
 *
 *   1. What our commands are found by is put on PATH; `npx` gives them as well.
 *   2. `provider run` stays in the foreground for people. Here it is put into the background, and the
 *      next command waits until it is connected.
 *   3. A block that fails ends the page, and its line is told.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { COMPILED } from "./support.ts";

const BIN = fileURLToPath(new URL("../bin/", import.meta.url));
/** Within a list a block stands as far in as its item. */
const BLOCK = /^( *)```(?:sh|bash)\n([\s\S]*?)^\1```$/gm;
const PAGE_MS_MAX = 120_000;

export interface Page {
  /** Where it is. */
  readonly file: string;
  readonly home: string;
  /** The directory that its commands are run in. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Commands that come first. */
  readonly before?: string;
  /** Told of what is said, all of it each time. */
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
}

export interface BlockOutput {
  /** The line of the page that it begins at. */
  readonly line: number;
  readonly stdout: string;
}

/** The commands of a page, with the lines that they begin at. */
export function blocksOf(text: string): { readonly line: number; readonly code: string }[] {
  return [...text.matchAll(BLOCK)].map(({ index, 1: indent = "", 2: code = "" }) => ({
    line: text.slice(0, index).split("\n").length + 1,
    code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** Runs a page and gives what each of its blocks printed. Fails where one of them fails. */
export async function runPage(t: TestContext, page: Page): Promise<BlockOutput[]> {
  const blocks = blocksOf(readFileSync(page.file, "utf8"));
  assert.ok(blocks.length > 0, `${page.file} has no commands`);
  const script = join(page.home, "page.sh");
  writeFileSync(script, scriptOf(page, blocks));
  const child = spawn("bash", [script], {
    cwd: page.cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: pathOf(page), HOME: page.home, NODE_COMPILE_CACHE: COMPILED, ...page.env },
  });
  const end = () => killGroup(child);
  t.after(end);
  const timer = setTimeout(end, PAGE_MS_MAX);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
    page.onStdout?.(said.stdout);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
    page.onStderr?.(said.stderr);
  });
  // What it started in the background may hold its pipes: the shell's own end is what counts.
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  const outputs = outputsOf(said.stdout, blocks);
  const where = `${page.file}:${outputs.at(-1)?.line ?? blocks[0]?.line}`;
  assert.equal(code, 0, `${where} ended with ${code}\n${said.stdout}\n${said.stderr}`);
  return outputs;
}

const MARK = "@@ block ";

function scriptOf(page: Page, blocks: ReturnType<typeof blocksOf>): string {
  return `set -euo pipefail
DAEMON_LOG="$HOME/daemon.log"
linkedclaw() {
  if [ "\${1-} \${2-}" != "provider run" ]; then command linkedclaw "$@"; return; fi
  : > "$DAEMON_LOG"
  command linkedclaw "$@" > /dev/null 2> "$DAEMON_LOG" &
  for _ in $(seq 600); do
    if grep -q '"event":"connected"' "$DAEMON_LOG"; then return; fi
    if ! kill -0 $! 2> /dev/null; then break; fi
    sleep 0.1
  done
  cat "$DAEMON_LOG" >&2
  return 1
}
npx() { shift; "$@"; }
${page.before ?? ""}
${blocks.map(({ line, code }) => `printf '%s\\n' '${MARK}${line}'\n${code}`).join("\n")}
`;
}

/** Our commands, and the machine's own programs; none of what npm adds for its scripts. */
function pathOf({ home }: Page): string {
  const bin = join(home, "bin");
  mkdirSync(bin, { recursive: true });
  for (const command of ["linkedclaw", "guildhall"]) {
    const file = join(bin, command);
    const program = join(BIN, `${command}.mjs`);
    writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
    chmodSync(file, 0o755);
  }
  const own = (process.env.PATH ?? "").split(delimiter);
  return [bin, ...own.filter((directory) => !directory.includes("node_modules"))].join(delimiter);
}

function outputsOf(stdout: string, blocks: ReturnType<typeof blocksOf>): BlockOutput[] {
  return stdout
    .split(MARK)
    .slice(1)
    .map((part, index) => ({
      line: blocks[index]?.line ?? 0,
      stdout: part.slice(part.indexOf("\n") + 1),
    }));
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}

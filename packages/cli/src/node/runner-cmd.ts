/**
 * Has executions done by a program that stays: the request as a line of JSON on its stdin; on its
 * stdout any number of lines `{"request_id", "text"}`, and at last `{"request_id", "output"}` or
 * `{"request_id", "error"}`. What it writes to stderr passes through.
 */
import { Failure } from "../failure.ts";
import { keepRunning } from "../linkedclaw/provider/child.ts";
import { fieldsOf } from "../server.ts";
import type { ExecutionAnswer, Runner } from "./runner.ts";

const SHOWN_CHARACTERS = 200;

interface Waiting {
  onText(text: string): void;
  resolve(answer: ExecutionAnswer): void;
  reject(error: Error): void;
}

export function cmdRunner(
  command: string,
  told: {
    readonly onEvent: (event: string, facts: Readonly<Record<string, unknown>>) => void;
    readonly onHopeless: (failure: Failure) => void;
  },
): Runner {
  const waiting = new Map<string, Waiting>();
  let isClosing = false;
  const child = keepRunning(command, {
    line(line) {
      if (!heard(waiting, line)) {
        told.onEvent("handler_line_ignored", { line: line.slice(0, SHOWN_CHARACTERS) });
      }
    },
    exited(code, signal) {
      for (const { reject } of waiting.values()) reject(new Error("The handler ended."));
      waiting.clear();
      if (!isClosing) told.onEvent("handler_exited", { code, signal });
    },
    restarted: () => told.onEvent("handler_restarted", {}),
    hopeless(code) {
      const message = `The handler cannot be run: ${command}`;
      told.onHopeless(new Failure("config_error", message, { facts: { exit_code: code } }));
    },
  });
  return {
    run(request, onText, signal) {
      return new Promise((resolve, reject) => {
        const id = request.request_id;
        if (!child.write(JSON.stringify(request))) {
          reject(new Error("The handler is being restarted."));
          return;
        }
        // What it says is handed on in its order, the end last.
        let handing = Promise.resolve();
        waiting.set(id, {
          onText: (text) => {
            handing = handing.then(() => onText(text)).catch(() => undefined);
          },
          resolve: (answer) => void handing.then(() => resolve(answer)),
          reject,
        });
        signal.addEventListener("abort", () => {
          if (!waiting.delete(id)) return;
          child.write(JSON.stringify({ request_id: id, cancel: true }));
          reject(signal.reason);
        });
      });
    },
    close() {
      isClosing = true;
      return child.close();
    },
  };
}

/** Takes in a line. `false` where nobody waits for it, or it says nothing. */
function heard(waiting: Map<string, Waiting>, line: string): boolean {
  const said = fieldsIn(line);
  const id = typeof said.request_id === "string" ? said.request_id : undefined;
  const entry = id === undefined ? undefined : waiting.get(id);
  if (id === undefined || entry === undefined) return false;
  if (typeof said.text === "string") {
    entry.onText(said.text);
    return true;
  }
  if (said.output === undefined && said.error === undefined) return false;
  waiting.delete(id);
  if (said.error !== undefined) entry.reject(new Error(wordsOf(said.error)));
  else entry.resolve({ output: said.output, metadata: said.metadata, usage: countsIn(said.usage) });
  return true;
}

function wordsOf(error: unknown): string {
  if (typeof error === "string") return error;
  const { message } = fieldsOf(error);
  return typeof message === "string" ? message : "The handler failed.";
}

function countsIn(usage: unknown): Readonly<Record<string, number>> | undefined {
  if (usage === undefined || usage === null) return undefined;
  const counts = Object.entries(fieldsOf(usage));
  return Object.fromEntries(
    counts.filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function fieldsIn(line: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(line));
  } catch {
    return {};
  }
}

/**
 * Hands work to a program that stays: a line of JSON on its stdin for each piece of work, a line on
 * its stdout for each answer, in any order. What it writes to stderr passes through.
 */
import { ProviderError } from "@guildhall/sdk";
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { type Answer, handlerOf } from "./answer.ts";
import { keepRunning } from "./child.ts";
import type { Handler, HandlerEvents } from "./handler.ts";
import type { Job } from "./job.ts";

/** Of a line that was no answer, as much as helps to find it. */
const SHOWN_CHARACTERS = 200;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export interface CmdHandlerOptions extends HandlerEvents {
  readonly command: string;
}

export function cmdHandler({ command, onEvent, onHopeless }: CmdHandlerOptions): Handler {
  const waiting = new Map<string, Waiting>();
  let isClosing = false;
  const child = keepRunning(command, {
    line(line) {
      if (!answered(waiting, line)) {
        onEvent("handler_line_ignored", { line: line.slice(0, SHOWN_CHARACTERS) });
      }
    },
    exited(code, signal) {
      for (const { reject } of waiting.values()) {
        reject(new ProviderError("provider_failed", "The handler ended while it worked."));
      }
      waiting.clear();
      if (!isClosing) onEvent("handler_exited", { code, signal });
    },
    restarted: () => onEvent("handler_restarted", {}),
    hopeless(code) {
      const message = `The handler cannot be run: ${command}`;
      onHopeless(new Failure("config_error", message, { facts: { exit_code: code } }));
    },
  });
  const ask = async (job: Job, signal: AbortSignal): Promise<Answer> => {
    signal.throwIfAborted();
    if (!child.write(JSON.stringify(job))) {
      throw new ProviderError("provider_failed", "The handler is being restarted.");
    }
    return new Promise((resolve, reject) => {
      waiting.set(job.id, { resolve, reject });
      signal.addEventListener("abort", () => waiting.delete(job.id) && reject(signal.reason));
    });
  };
  return handlerOf(ask, () => {
    isClosing = true;
    return child.close();
  });
}

/** Gives an answer to who waits for it. `false` where nobody does, or it is none. */
function answered(waiting: Map<string, Waiting>, line: string): boolean {
  const answer = answerOf(line);
  const entry = typeof answer.id === "string" ? waiting.get(answer.id) : undefined;
  if (entry === undefined) return false;
  waiting.delete(String(answer.id));
  entry.resolve(answer);
  return true;
}

function answerOf(line: string): Answer {
  try {
    return fieldsOf(JSON.parse(line));
  } catch {
    return {};
  }
}

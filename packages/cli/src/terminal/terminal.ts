/**
 * Where a command speaks: one line of JSON on stdout at its end, everything else on stderr.
 *
 * With `--human` the same is said for people. A failure is always the last thing on stderr, one line
 * `{"error":{"code","message",…}}` (LinkedClaw contract §9.1). Nothing is written past `redact`.
 */
import type { Failure } from "../failure.ts";
import { type Page, readable } from "./layout.ts";
import { createPaint, type Paint } from "./paint.ts";
import { jsonLine, plain, redact } from "./redact.ts";
import { type Label, SpinnerLine, spin } from "./spinner.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** How an answer is drawn for people; `undefined` where its fields say it all. */
export type Drawing<T> = (value: T, page: Page) => string;

export interface Terminal {
  /** Said with `--human`. */
  isHuman: boolean;
  /** A person sits at it and can be asked. */
  readonly isInteractive: boolean;
  /** From here on `secret` is never shown. */
  keepSecret(secret: string): void;
  /** The answer of a command. */
  answer<T>(value: T, draw?: Drawing<T>): void;
  /** The answer of a command that makes a key: the one place where a secret is shown, once. */
  reveal(value: Readonly<Record<string, unknown>>): void;
  /** Text as it is: a shell's completions, a JSON schema. */
  text(text: string): void;
  /** Resolves when what was answered so far has left this process. */
  flushed(): Promise<void>;
  /** A line for whoever watches, on stderr. */
  note(text: string): void;
  /** What happened, on stderr: a line of JSON, whose `event` names it. */
  event(event: string, facts: Readonly<Record<string, unknown>>): void;
  fail(failure: Failure): void;
  /** Waits for `work`, showing a person how long it takes. */
  waiting<T>(label: Label, work: Promise<T>): Promise<T>;
  readonly errorPaint: Paint;
  /** What is drawn on stderr is drawn with this. */
  readonly errorPage: Page;
}

/** Where nobody says how wide it is, a pager will: better too wide than cut short. */
const COLUMNS_DEFAULT = 200;

/** The terminal of this process. */
export function createTerminal(env: Env): Terminal {
  const { stdin, stdout, stderr } = process;
  const secrets = new Set<string>();
  const errorPaint = createPaint(stderr, env);
  const page = pageOf(stdout, createPaint(stdout, env));
  const spinner = new SpinnerLine(stderr);
  const say = (stream: NodeJS.WriteStream, text: string) => {
    // Both streams may be one terminal: what is said while something is waited for has a line of its own.
    spinner.hide();
    stream.write(`${redact(text, secrets)}\n`);
  };

  const terminal: Terminal = {
    isHuman: false,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    errorPaint,
    errorPage: pageOf(stderr, errorPaint),
    keepSecret: (secret) => void secrets.add(secret),
    answer(value, draw) {
      if (!terminal.isHuman) say(stdout, jsonLine(value));
      else say(stdout, draw ? draw(value, page) : readable(page, value));
    },
    reveal(value) {
      spinner.hide();
      stdout.write(`${terminal.isHuman ? readable(page, value) : jsonLine(value)}\n`);
    },
    text: (text) => void say(stdout, text),
    flushed: () =>
      new Promise((resolve, reject) => {
        stdout.write("", (error) => (error ? reject(error) : resolve()));
      }),
    note: (text) => void say(stderr, text),
    event(event, facts) {
      say(stderr, jsonLine({ event, ts: new Date().toISOString(), ...facts }));
    },
    fail(failure) {
      say(stderr, terminal.isHuman ? forPeople(failure, errorPaint) : jsonLine(asError(failure)));
    },
    waiting: (label, work) => spin(stderr, spinner, errorPaint, label, work),
  };
  return terminal;
}

function pageOf(stream: NodeJS.WriteStream, paint: Paint): Page {
  return { paint, columns: stream.isTTY ? stream.columns : COLUMNS_DEFAULT };
}

function asError(failure: Failure): object {
  const { code, message, hint, facts } = failure;
  const said = { code, message, ...(hint === undefined ? {} : { hint }) };
  // Said twice, so that code and message stand first and no fact can take their place.
  return { error: { ...said, ...facts, ...said } };
}

function forPeople(failure: Failure, paint: Paint): string {
  const { code, message, hint } = failure;
  const first = `${paint.bad("✖")} ${plain(message)} ${paint.dim(`(${code})`)}`;
  return hint === undefined ? first : `${first}\n  ${plain(hint)}`;
}

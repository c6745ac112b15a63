// Made from packages/cli/src/openmarlin; changes to this file are lost.

// packages/cli/src/failure.ts
var Failure = class extends Error {
  name = "Failure";
  code;
  /** 1: the operation failed. 2: the command was not said correctly. */
  exitCode;
  hint;
  /** Whatever else is known, printed beside code and message. */
  facts;
  constructor(code, message, options = {}) {
    super(message, options.cause === void 0 ? void 0 : { cause: options.cause });
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
    this.hint = options.hint;
    this.facts = options.facts ?? {};
  }
};
function usageFailure(message, hint) {
  return new Failure("usage_error", message, { exitCode: 2, hint });
}
function isFailure(error, code) {
  return error instanceof Failure && error.code === code;
}
function systemCodeOf(error) {
  const { code } = error ?? {};
  if (typeof code === "string") return code;
  return error instanceof AggregateError ? systemCodeOf(error.errors[0]) : void 0;
}
function messageOf(error) {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

// packages/cli/src/linkedclaw/login/browser.ts
import { spawn } from "node:child_process";
var FAILS_WITHIN_MS = 2e3;
function openBrowser(env, url) {
  const [program, ...args] = launcher(env, url);
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "ignore", detached: true });
    const timer = setTimeout(() => resolve(true), FAILS_WITHIN_MS);
    const settle = (isOpen) => {
      clearTimeout(timer);
      resolve(isOpen);
    };
    child.on("error", () => settle(false));
    child.on("exit", (code) => settle(code === 0));
    child.unref();
  });
}
function launcher(env, url) {
  if (env.BROWSER) return [env.BROWSER, url];
  if (process.platform === "darwin") return ["open", url];
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}

// packages/cli/src/terminal/redact.ts
var PREFIX = /^(?:lc|gld|claw_wsk|mrg|cllk_live|shk)_/;
var SHOWN_CHARACTERS = 4;
var SHOWN_FROM_LENGTH = 16;
function redactKey(key) {
  const prefix = PREFIX.exec(key)?.[0] ?? "";
  return `${prefix}\u2026${key.length >= SHOWN_FROM_LENGTH ? key.slice(-SHOWN_CHARACTERS) : ""}`;
}
var CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
function plain(text) {
  return text.replace(CONTROLS, "");
}

// packages/cli/src/terminal/spinner.ts
var FRAMES = ["\u280B", "\u2819", "\u2839", "\u2838", "\u283C", "\u2834", "\u2826", "\u2827", "\u2807", "\u280F"];
var FRAME_MS = 100;
var QUIET_MS = 300;
var CLEAR_LINE = "\r\x1B[2K";
var SpinnerLine = class {
  #stream;
  #isShown = false;
  #hiddenAtMs = Number.NEGATIVE_INFINITY;
  constructor(stream) {
    this.#stream = stream;
  }
  /** Nothing for a moment after somebody else has written: what was waited for may just be over. */
  show(text) {
    if (performance.now() - this.#hiddenAtMs < QUIET_MS) return;
    this.#isShown = true;
    this.#stream.write(`${CLEAR_LINE}${text}`);
  }
  hide() {
    if (this.#isShown) this.#stream.write(CLEAR_LINE);
    this.#isShown = false;
    this.#hiddenAtMs = performance.now();
  }
};
async function spin(stream, line, paint, label, work) {
  if (stream.isTTY !== true) return work;
  const startedMs = performance.now();
  let frame = 0;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < QUIET_MS) return;
    const sign = paint.accent(FRAMES[frame++ % FRAMES.length] ?? "");
    const words = typeof label === "string" ? label : label();
    line.show(`${sign} ${words} ${paint.dim(elapsed(elapsedMs))}`);
  }, FRAME_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    line.hide();
  }
}
function elapsed(milliseconds) {
  const seconds = Math.floor(milliseconds / 1e3);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

// packages/cli/src/openmarlin/json.ts
var Numeral = class {
  text;
  constructor(text) {
    this.text = text;
  }
  /** The nearest number that JavaScript has. */
  get value() {
    return Number(this.text);
  }
};
var DEPTH_MAX = 200;
var DIGITS_MAX = 4300;
var SPACE = /[ \t\n\r]*/y;
var NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
var WORD = /true|false|null/y;
var WORDS = { true: true, false: false, null: null };
function parseJson(text) {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}
var Reader = class {
  #text;
  #at = 0;
  constructor(text) {
    this.#text = text;
  }
  value(depth) {
    if (depth > DEPTH_MAX) throw new SyntaxError(`it is nested deeper than ${DEPTH_MAX} levels`);
    this.#take(SPACE);
    const next = this.#text[this.#at];
    if (next === "{") return this.#object(depth);
    if (next === "[") return this.#array(depth);
    if (next === '"') return this.#string();
    const word = this.#take(WORD);
    if (word) return WORDS[word[0]] ?? null;
    const number = this.#take(NUMBER);
    if (number) return numeralOf(number[0], Boolean(number[1] ?? number[2]));
    throw this.#unexpected();
  }
  end() {
    this.#take(SPACE);
    if (this.#at < this.#text.length) throw this.#unexpected();
  }
  #object(depth) {
    const entries = [];
    this.#at++;
    if (!this.#isNext("}")) {
      do {
        this.#take(SPACE);
        const name = this.#string();
        this.#expect(":");
        entries.push([name, this.value(depth + 1)]);
      } while (this.#isNext(","));
      this.#expect("}");
    }
    return Object.fromEntries(entries);
  }
  #array(depth) {
    const items = [];
    this.#at++;
    if (!this.#isNext("]")) {
      do
        items.push(this.value(depth + 1));
      while (this.#isNext(","));
      this.#expect("]");
    }
    return items;
  }
  #string() {
    if (this.#text[this.#at] !== '"') throw this.#unexpected();
    let end = this.#at;
    do
      end = this.#text.indexOf('"', end + 1);
    while (end !== -1 && this.#isEscaped(end));
    if (end === -1) throw new SyntaxError("it ends within a text");
    const quoted2 = this.#text.slice(this.#at, end + 1);
    try {
      const text = JSON.parse(quoted2);
      this.#at = end + 1;
      return text;
    } catch {
      throw new SyntaxError(`JSON does not allow the text at ${this.#place()}`);
    }
  }
  /** Whether an odd number of backslashes comes before. */
  #isEscaped(at) {
    let first = at;
    while (this.#text[first - 1] === "\\") first--;
    return (at - first) % 2 === 1;
  }
  /** Takes `sign` where it comes next. */
  #isNext(sign) {
    this.#take(SPACE);
    const isThere = this.#text[this.#at] === sign;
    if (isThere) this.#at++;
    return isThere;
  }
  #expect(sign) {
    if (!this.#isNext(sign)) throw this.#unexpected();
  }
  #take(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at += found[0].length;
    return found;
  }
  #unexpected() {
    if (this.#at >= this.#text.length) return new SyntaxError("it ends too early");
    return new SyntaxError(`there is something unexpected at ${this.#place()}`);
  }
  #place() {
    const before = this.#text.slice(0, this.#at).split("\n");
    return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  }
};
function numeralOf(text, isFloat) {
  if (!isFloat) {
    if (text.length > DIGITS_MAX) throw new SyntaxError("a number has too many digits");
    return new Numeral(text === "-0" ? "0" : text);
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new SyntaxError("a number is too large");
  return new Numeral(floatText(value));
}
var PLAIN_EXPONENT_MAX = 16;
var PLAIN_EXPONENT_MIN = -4;
function floatText(value) {
  if (Object.is(value, -0)) return "-0.0";
  const [digits = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= PLAIN_EXPONENT_MIN && exponent < PLAIN_EXPONENT_MAX) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const sign = exponent < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
function isObject(value) {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Numeral);
}
function fieldsOf(value) {
  return isObject(value) ? value : {};
}
function textOf(value) {
  return typeof value === "string" && value.trim() !== "" ? value : void 0;
}

// packages/cli/src/openmarlin/json-text.ts
var PRETTY = { comma: ",", colon: ": ", indent: 2 };
var LINE = { comma: ", ", colon: ": " };
var CANONICAL = { comma: ",", colon: ":" };
function prettyJson(value) {
  return write(value, PRETTY, 0);
}
function lineOfJson(value) {
  return write(value, LINE, 0);
}
function canonicalJson(value) {
  return write(value, CANONICAL, 0);
}
function write(value, form, level) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return Number.isInteger(value) ? `${value}` : floatText(value);
  if (value instanceof Numeral) return value.text;
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, form, level + 1));
    return enclosed("[]", items, form, level);
  }
  const fields = Object.entries(value).filter((field) => field[1] !== void 0).sort(([one], [other]) => byCodePoints(one, other)).map(([name, item]) => `${quoted(name)}${form.colon}${write(item, form, level + 1)}`);
  return enclosed("{}", fields, form, level);
}
function enclosed(brackets, items, form, level) {
  const [open = "", close = ""] = brackets;
  if (items.length === 0) return brackets;
  if (form.indent === void 0) return open + items.join(form.comma) + close;
  const inner = `
${" ".repeat(form.indent * (level + 1))}`;
  const outer = `
${" ".repeat(form.indent * level)}`;
  return open + inner + items.join(form.comma + inner) + outer + close;
}
function byCodePoints(one, other) {
  const [ones, others] = [[...one], [...other]];
  for (const [index, sign] of ones.entries()) {
    const difference = (sign.codePointAt(0) ?? 0) - (others[index]?.codePointAt(0) ?? -1);
    if (difference !== 0) return difference;
  }
  return ones.length - others.length;
}
var NOT_ASCII = /[\u007f-\uffff]/g;
function quoted(text) {
  return ascii(JSON.stringify(text));
}
function ascii(json) {
  return json.replace(
    NOT_ASCII,
    (half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`
  );
}

// packages/cli/src/openmarlin/output.ts
var SECRET_LENGTH_MIN = 8;
var UNKNOWN = "<unknown>";
var TEXT_LENGTH_MAX = 2e3;
var same = (text) => text;
var PLAIN = {
  ...{ isOn: false, bold: same, dim: same, good: same },
  ...{ warning: same, bad: same, accent: same }
};
var Output = class {
  #stdout;
  #stderr;
  #progress;
  #secrets = /* @__PURE__ */ new Set();
  constructor(stdout, stderr) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#progress = new SpinnerLine(stderr);
  }
  /** From here on `secret` is shown by its prefix and last four characters only. */
  keepSecret(secret) {
    if (secret.length >= SECRET_LENGTH_MIN) this.#secrets.add(secret);
  }
  /** From here on `secret` may be shown: whoever asked for it has no other copy. */
  reveal(secret) {
    this.#secrets.delete(secret);
  }
  /** One or more lines of the answer. */
  line(text) {
    this.#say(this.#stdout, text);
  }
  /** `Name: value`, and `<unknown>` where there is none. */
  field(name, value) {
    this.line(`${name}: ${wordOf(value)}`);
  }
  /** One JSON object, in ASCII also where a secret was blotted out. */
  json(value) {
    this.line(ascii(this.#blotted(prettyJson(value))));
  }
  /** A line on stderr: for whoever watches, or why it did not work. */
  note(text) {
    this.#say(this.#stderr, text);
  }
  /** Waits for `work`; on a terminal, stderr has a line meanwhile that says how it stands. */
  waiting(label, work) {
    const clean = () => this.#blotted(plain(typeof label === "string" ? label : label()));
    return spin(this.#stderr, this.#progress, PLAIN, clean, work);
  }
  #say(stream, text) {
    this.#progress.hide();
    stream.write(`${this.#blotted(plain(text))}
`);
  }
  #blotted(text) {
    let shown2 = text;
    for (const secret of this.#secrets) shown2 = shown2.replaceAll(secret, redactKey(secret));
    return shown2;
  }
};
function wordOf(value) {
  if (value === void 0 || value === null || value === "") return UNKNOWN;
  if (typeof value === "string") return oneLine(value);
  if (value instanceof Numeral) return value.text;
  return lineOfJson(value);
}
function oneLine(text) {
  return plain(text).replaceAll(/\s+/g, " ").trim();
}
function shortened(text) {
  const line = oneLine(text);
  return line.length > TEXT_LENGTH_MAX ? `${line.slice(0, TEXT_LENGTH_MAX)}\u2026` : line;
}

// packages/cli/src/openmarlin/dry-run.ts
var PROBE = "/openapi.json";
var PROBE_TIMEOUT_MS = 15e3;
async function dryRun(output, flags, dry) {
  const connectivity = await probe(dry.wire);
  const hasKey = dry.key === void 0 || dry.key.api_key_source !== null;
  const isOk = connectivity.ok === true && hasKey;
  const told = {
    ok: isOk,
    dry_run: true,
    command: dry.command,
    server_url: dry.origin.url,
    server_url_source: dry.origin.source,
    ...dry.key,
    ...dry.facts,
    connectivity
  };
  if (flags.has("json")) output.json(told);
  else {
    for (const [name, value] of Object.entries(told))
      output.line(`${titleOf(name)}: ${wordOf(value)}`);
  }
  return isOk ? 0 : 1;
}
async function probe(wire) {
  const url = wire.origin.url + PROBE;
  try {
    const { status, isSuccess: isSuccess2 } = await wire.call({
      ...{ method: "GET", path: PROBE, timeoutMs: PROBE_TIMEOUT_MS }
    });
    return { ok: isSuccess2, url, status };
  } catch (error) {
    return { ok: false, url, error: messageOf(error) };
  }
}
function titleOf(name) {
  return (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");
}

// packages/cli/src/openmarlin/origin.ts
var LOCAL_SERVER = "http://127.0.0.1:8787";
var WEBSITE = "openmarlin.ai";
function originByDefault() {
  return true ? "http://127.0.0.1:8787" : LOCAL_SERVER;
}
function findOrigin(settings, flag) {
  const { value, source } = settings.find("OPENMARLIN_SERVER_URL", flag) ?? {
    value: originByDefault(),
    source: "built-in-default"
  };
  const url = value.replace(/\/+$/, "");
  const parsed = /^https?:\/\/[^/?#@\\\s]+$/i.test(url) && URL.canParse(url) ? new URL(url) : void 0;
  if (!parsed) throw notAnOrigin(value, source);
  if (parsed.host.toLowerCase() === WEBSITE) {
    throw new Failure(
      "website",
      `${WEBSITE} is a website and answers no programs. Set OPENMARLIN_SERVER_URL to the origin of a server, such as ${LOCAL_SERVER}.`
    );
  }
  return { url, source };
}
function notAnOrigin(value, source) {
  const looksLikeOne = /^https?:/i.test(value) && URL.canParse(value);
  const expected = looksLikeOne ? new URL(value).origin : LOCAL_SERVER;
  return new Failure(
    "invalid_server_url",
    `The server's address (${source}) has to be a bare origin without a path, query, fragment or user, like ${expected}.`
  );
}

// packages/cli/src/openmarlin/state-file.ts
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs";
import { basename, dirname, join } from "node:path";
var DIRECTORY_MODE = 448;
var FILE_MODE = 384;
var VERSION = 1;
function stateDirectory(settings, agentId) {
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(agentId) || /^\.+$/.test(agentId)) {
    throw new Failure("invalid_agent_id", `${JSON.stringify(agentId)} is no name of an agent.`);
  }
  const named = settings.find("OPENCLAW_STATE_DIR")?.value;
  const root = named?.replace(/^~(?=\/|$)/, settings.home) ?? join(settings.home, ".openclaw");
  return join(root, "agents", agentId, "agent");
}
var StateFile = class {
  path;
  #part;
  constructor(directory, name, part) {
    this.path = join(directory, name);
    this.#part = part;
  }
  /** The entries; none where there is no file yet, or an empty one. Fails where it holds something else. */
  entries() {
    return this.#partOf(this.#read());
  }
  /** Changes the entries, in one step: whoever reads the file sees all of it or nothing. */
  change(changed) {
    const store = this.#read();
    const entries = changed(this.#partOf(store));
    this.#write({ version: VERSION, ...store, [this.#part]: entries });
  }
  /** Makes the file where there is none, so that whoever cannot write to it learns of it early. */
  prepare() {
    this.change((entries) => entries);
  }
  #read() {
    let text;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return {};
      throw this.#failure("cannot be read", messageOf(error));
    }
    if (text.trim() === "") return {};
    let store;
    try {
      store = parseJson(text);
    } catch (error) {
      throw this.#failure("is not JSON", messageOf(error));
    }
    if (isObject(store)) return store;
    throw this.#failure("is not a store", "it is not a JSON object");
  }
  #partOf(store) {
    const entries = store[this.#part];
    if (entries === void 0) return {};
    if (isObject(entries)) return entries;
    throw this.#failure("is not a store", `"${this.#part}" is not a JSON object`);
  }
  #write(store) {
    const directory = dirname(this.path);
    const name = `.${basename(this.path)}.${randomBytes(6).toString("hex")}.tmp`;
    const temporary = join(directory, name);
    try {
      mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
      const file = openSync(temporary, "wx", FILE_MODE);
      try {
        writeFileSync(file, `${prettyJson(store)}
`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw this.#failure("cannot be written", messageOf(error));
    }
  }
  #failure(what, why) {
    return new Failure("state_file", `${this.path} ${what}: ${why}`);
  }
};

// packages/cli/src/openmarlin/key.ts
var PROFILE_BY_DEFAULT = "openmarlin-platform:default";
var AGENT_BY_DEFAULT = "main";
var PROVIDER = "openmarlin-platform";
function keyFile(settings, agentId) {
  return new StateFile(stateDirectory(settings, agentId), "auth-profiles.json", "profiles");
}
function storeKey(file, profileId, secret, metadata) {
  const known = Object.entries(metadata).filter(([, value]) => textOf(value) !== void 0);
  const profile = {
    type: "api_key",
    provider: PROVIDER,
    key: secret,
    metadata: Object.fromEntries(known)
  };
  file.change((profiles) => ({ ...profiles, [profileId]: profile }));
}

// packages/cli/src/openmarlin/own-script.ts
import { dirname as dirname2, isAbsolute, join as join2, relative } from "node:path";
import { fileURLToPath } from "node:url";
var HERE = dirname2(fileURLToPath(import.meta.url));
function scriptCommand(script, args) {
  const path = join2(HERE, `${script}.mjs`);
  const near = relative(process.cwd(), path);
  const shown2 = near.startsWith("..") || isAbsolute(near) ? path : near;
  return ["node", shown2, ...args].map(shellWord).join(" ");
}
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// packages/cli/src/openmarlin/poll.ts
import { setTimeout as delay } from "node:timers/promises";
var INTERVAL_MS_MIN = 20;
var INTERVAL_MS_MAX = 2 ** 31 - 1;
async function poll(flags, look, isOver2) {
  const intervalMs = Math.max(INTERVAL_MS_MIN, flags.number("interval-seconds") * 1e3);
  const endMs = performance.now() + flags.number("timeout-seconds") * 1e3;
  while (true) {
    const value = await look();
    if (isOver2(value)) return { value, isOver: true };
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return { value, isOver: false };
    await delay(Math.min(intervalMs, leftMs, INTERVAL_MS_MAX));
  }
}

// packages/cli/src/openmarlin/flags.ts
var Flags = class {
  #table;
  #given;
  constructor(table, given) {
    this.#table = table;
    this.#given = given;
  }
  has(name) {
    return this.#given.has(name);
  }
  /** Every value, in order. */
  all(name) {
    return this.#given.get(name) ?? [];
  }
  /** The last value, or what is taken without one. */
  text(name) {
    return this.all(name).at(-1) ?? this.#table[name]?.otherwise;
  }
  /** The value of a flag that is required or has a default. */
  required(name) {
    const value = this.text(name);
    if (value === void 0) throw new Error(`--${name} has neither a value nor a default`);
    return value;
  }
  number(name) {
    return Number(this.required(name));
  }
};
function splitAtCommand(table, args) {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (!arg.startsWith("-")) {
      return { before: args.slice(0, at), command: arg, after: args.slice(at + 1) };
    }
    const takesNext = !arg.includes("=") && table[arg.slice(2)]?.value !== void 0;
    if (takesNext) at++;
  }
  return { before: args, after: [] };
}
function readFlags(table, args, given) {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const [, name = "", inline] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg) ?? [];
    const flag = Object.hasOwn(table, name) ? table[name] : void 0;
    if (!flag)
      throw usageFailure(`There is no ${name ? "option" : "place for"} ${shown(arg)} here.`);
    if (flag.value === void 0) {
      if (inline !== void 0) throw usageFailure(`--${name} takes no value.`);
      given.set(name, []);
      continue;
    }
    const next = args[at + 1];
    if (inline === void 0 && (next === void 0 || next.startsWith("--"))) {
      throw usageFailure(`--${name} needs a value: ${flag.value}.`);
    }
    if (inline === void 0) at++;
    const value = inline ?? next ?? "";
    checkValue(name, flag, value);
    given.set(name, flag.isRepeatable ? [...given.get(name) ?? [], value] : [value]);
  }
}
function checkRequired(table, given) {
  for (const [name, flag] of Object.entries(table)) {
    if (flag.isRequired && !given.has(name)) throw usageFailure(`--${name} is missing.`);
  }
}
function checkValue(name, { choices, number, isRequired }, value) {
  if (choices && !choices.includes(value)) {
    throw usageFailure(`--${name} takes ${choices.join(" or ")}, not ${shown(value)}.`);
  }
  if (isRequired && value.trim() === "") throw usageFailure(`--${name} must not be empty.`);
  if (!number) return;
  const { min = Number.NEGATIVE_INFINITY, isAbove = false, isWhole = false } = number;
  const parsed = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : Number.NaN;
  const isGood = Number.isFinite(parsed) && (isAbove ? parsed > min : parsed >= min);
  if (isGood && (!isWhole || Number.isSafeInteger(parsed))) return;
  const kind = isWhole ? "a whole number" : "a number";
  const bound = min === Number.NEGATIVE_INFINITY ? "" : ` ${isAbove ? "above" : "from"} ${min}`;
  throw usageFailure(`--${name} takes ${kind}${bound}, not ${shown(value)}.`);
}
var SECRET = /\w*_[A-Za-z0-9]{16,}/g;
function shown(text) {
  const line = text.replaceAll(SECRET, "\u2026").replaceAll(/\s+/g, " ");
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}\u2026` : line);
}

// packages/cli/src/openmarlin/program.ts
async function main(program) {
  const { argv, env, stdout, stderr } = process;
  const output = new Output(stdout, stderr);
  stdout.on("error", () => process.exit(0));
  const code = await runProgram(program, argv.slice(2), env, output);
  process.exitCode = code;
}
async function runProgram(program, args, env, output) {
  const { before, command: name, after } = splitAtCommand(program.before, args);
  const command2 = name !== void 0 && Object.hasOwn(program.commands, name) ? program.commands[name] : void 0;
  try {
    if (isHelp(before)) return help(output, programHelp(program));
    if (name === void 0) throw new Failure("usage_error", "Name a command.", { exitCode: 2 });
    if (!command2)
      throw new Failure("usage_error", `There is no command ${shown(name)}.`, { exitCode: 2 });
    if (isHelp(after)) return help(output, commandHelp(program, name, command2));
    const given = /* @__PURE__ */ new Map();
    readFlags(program.before, before, given);
    readFlags(command2.flags, after, given);
    checkRequired(command2.flags, given);
    const flags = new Flags({ ...program.before, ...command2.flags }, given);
    return await command2.run({ flags, env, output });
  } catch (error) {
    if (isFailure(error, "usage_error")) {
      output.note(usageLine(program, name, command2));
      output.note(`${program.name}: ${error.message}`);
      return error.exitCode;
    }
    output.note(error instanceof Failure ? error.message : `Unexpected: ${messageOf(error)}`);
    if (error instanceof Failure && error.hint !== void 0) output.note(error.hint);
    return 1;
  }
}
function isHelp(args) {
  return args.includes("--help") || args.includes("-h");
}
function help(output, text) {
  output.line(text);
  return 0;
}
function usageLine({ name, before, commands }, word, command2) {
  const first = `usage: node scripts/${name}.mjs ${Object.keys(before).map(optional(before)).join("")}`;
  if (word === void 0 || !command2) return `${first}{${Object.keys(commands).join(",")}} \u2026`;
  const flags = Object.entries(command2.flags);
  const needed = flags.filter(([, flag]) => flag.isRequired);
  const words = needed.map(([flag, { value }]) => ` --${flag} ${value}`);
  return `${first}${word}${words.join("")}${needed.length < flags.length ? " [options]" : ""}`;
}
function optional(table) {
  return (name) => `[--${name}${table[name]?.value ? ` ${table[name].value}` : ""}] `;
}
function programHelp(program) {
  const commands = Object.entries(program.commands).map(([name, { about }]) => [name, about]);
  return [
    usageLine(program),
    ...["", program.about, "", "Commands:"],
    ...aligned(commands),
    ...["", "Each command explains itself with --help."]
  ].join("\n");
}
function commandHelp(program, name, command2) {
  const options = Object.entries(command2.flags).map(([flag, about]) => [
    `--${flag}${about.value ? ` ${about.value}` : ""}`,
    aboutFlag(about)
  ]);
  return [
    usageLine(program, name, command2),
    "",
    command2.about,
    "",
    "Options:",
    ...aligned(options)
  ].join("\n");
}
function aboutFlag({ about, choices, isRequired, otherwise }) {
  const facts = [
    ...choices ? [choices.join(" or ")] : [],
    ...isRequired ? ["required"] : [],
    ...otherwise === void 0 ? [] : [`otherwise ${otherwise}`]
  ];
  return facts.length === 0 ? about : `${about} (${facts.join("; ")})`;
}
function aligned(rows) {
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.map(([name = "", about = ""]) => `  ${name.padEnd(width)}  ${about}`);
}

// packages/cli/src/openmarlin/wire.ts
import { StringDecoder } from "node:string_decoder";

// packages/cli/src/http.ts
import { createRequire } from "node:module";
var require2 = createRequire(import.meta.url);
var clientOf = (url) => require2(url.protocol === "https:" ? "node:https" : "node:http");
var HttpTimeout = class extends Error {
  name = "HttpTimeout";
};
var HttpTooLarge = class extends Error {
  name = "HttpTooLarge";
};
function exchange(request) {
  const { method, url, body, timeoutMs } = request;
  const client = clientOf(url);
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const give = (error) => reject(timeout.aborted ? new HttpTimeout("no answer") : error);
    const headers = headersOf(request);
    let isAnswered = false;
    const sent = client.request(
      url,
      { method, headers, signal: timeout, agent: false },
      (answer) => {
        isAnswered = true;
        readAll(answer, request).then(
          (bytes) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes }),
          give
        );
      }
    );
    sent.on("information", (info) => request.onEarlyHeaders?.(info.headers));
    sent.on("error", (error) => !isAnswered && give(error));
    if (body === void 0 || typeof body === "string" || Buffer.isBuffer(body)) sent.end(body);
    else body.on("error", (error) => sent.destroy(error)).pipe(sent);
  });
}
function headersOf({ headers = {}, body }) {
  const said = Object.entries(headers).filter(([, value]) => value !== void 0);
  const length = typeof body === "string" || Buffer.isBuffer(body) ? { "content-length": Buffer.byteLength(body) } : {};
  return { "accept-encoding": "identity", ...Object.fromEntries(said), ...length };
}
async function readAll(answer, { answerBytesMax: bytesMax, onPiece }) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new HttpTooLarge(`more than ${bytesMax} bytes`);
    chunks.push(chunk);
    onPiece?.(chunk, answer);
  }
  if (!answer.complete) throw new Error("the connection was cut in the middle of the answer");
  return Buffer.concat(chunks);
}

// packages/cli/src/openmarlin/wire.ts
var TIMEOUT_MS = 6e4;
var TIMEOUT_SECONDS_MAX = 86400;
var ANSWER_BYTES_MAX = 32 * 1024 * 1024;
var USER_AGENT = "openmarlin-skill/1.0";
var Wire = class {
  origin;
  #settings;
  constructor(origin, settings) {
    this.origin = origin;
    this.#settings = settings;
  }
  /** Any answer that came. Fails where none did, and where it leads elsewhere. */
  async call(call) {
    const url = this.origin.url + call.path;
    const timeoutMs = this.#timeoutMs() ?? call.timeoutMs ?? TIMEOUT_MS;
    const answer = await exchange({
      method: call.method,
      url: new URL(url),
      headers: {
        accept: "application/json",
        "user-agent": USER_AGENT,
        ...call.body && { "content-type": "application/json" },
        ...call.secret !== void 0 && { authorization: `Bearer ${call.secret}` }
      },
      body: call.body && canonicalJson(call.body),
      timeoutMs,
      onPiece: call.onText && pieces(call.onText),
      answerBytesMax: ANSWER_BYTES_MAX
    }).catch((error) => {
      throw this.#failure(call, timeoutMs, error);
    });
    const text = answer.body.toString("utf8");
    return {
      ...{ method: call.method, url, status: answer.status, text, json: jsonIn(text) },
      isSuccess: isSuccess(answer.status),
      headers: headersOf2(answer.headers)
    };
  }
  /** The JSON object of a success; an empty answer is an empty object. Fails with one line otherwise. */
  async ask(call) {
    const reply = await this.call(call);
    if (!reply.isSuccess) throw refusal(reply);
    return objectOf(reply);
  }
  /** What a person has decided; the server's own bounds are not known to all of them. */
  #timeoutMs() {
    const seconds = Number(this.#settings.find("OPENMARLIN_REQUEST_TIMEOUT_SECONDS")?.value);
    return seconds > 0 && seconds <= TIMEOUT_SECONDS_MAX ? seconds * 1e3 : void 0;
  }
  #failure(call, timeoutMs, error) {
    const { url } = this.origin;
    if (error instanceof HttpTimeout) {
      const seconds = Math.round(timeoutMs / 100) / 10;
      return new Failure(
        "timeout",
        `${call.method} ${url}${call.path} had no end in ${seconds} s.`
      );
    }
    if (error instanceof HttpTooLarge) {
      return new Failure("too_large", `${url}${call.path} answered with ${error.message}.`);
    }
    return new Failure("unreachable", `No server answers at ${url}: ${wordsFor(error)}.`, {
      hint: [
        `  server in use:  ${url} (${this.origin.source})`,
        `  by default:     ${originByDefault()}`,
        `  to change it:   OPENMARLIN_SERVER_URL, or skills.entries.openmarlin.env in ${this.#settings.configPath}`
      ].join("\n")
    });
  }
};
function pieces(onText) {
  const decoder = new StringDecoder("utf8");
  return (piece, { statusCode = 0, headers }) => {
    if (isSuccess(statusCode)) onText(decoder.write(piece), headersOf2(headers));
  };
}
function isSuccess(status) {
  return status >= 200 && status < 300;
}
function headersOf2(headers) {
  const entries = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(entries);
}
function jsonIn(text) {
  try {
    return parseJson(text);
  } catch {
    return void 0;
  }
}
var WORDS2 = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name could not be looked up",
  ETIMEDOUT: "the connection timed out"
};
function wordsFor(error) {
  return WORDS2[systemCodeOf(error) ?? ""] ?? oneLine(messageOf(error));
}
function objectOf(reply) {
  if (reply.text.trim() === "") return {};
  if (isObject(reply.json)) return reply.json;
  throw new Failure(
    "bad_response",
    `${reply.method} ${reply.url} answered with ${kindOf(reply)} and not with a JSON object. Is that the address of a server?`
  );
}
function refusal(reply) {
  const { status, method, url, json } = reply;
  const code = codeOf(json);
  const start = `HTTP ${status}${code === void 0 ? "" : ` ${code}`} ${method} ${url}`;
  if (status >= 300 && status < 400) {
    const to = shortened(reply.headers.location ?? "nowhere");
    return new Failure(
      "redirected",
      `${start}: it leads to ${to}, and redirects are not followed.`
    );
  }
  return new Failure(
    code ?? "refused",
    `${start}: ${json === void 0 ? kindOf(reply) : shortened(lineOfJson(json))}`
  );
}
function codeOf(json) {
  if (!isObject(json)) return void 0;
  const { error, error_code: balanceCode } = json;
  const code = typeof error === "string" ? error : balanceCode;
  return typeof code === "string" ? shortened(code) : void 0;
}
function kindOf({ headers, text }) {
  const type = oneLine(headers["content-type"] ?? "").split(";")[0];
  if (text === "") return "nothing";
  return `${Buffer.byteLength(text)} bytes of ${type || "something"}`;
}
function segment(id) {
  const trimmed = id.trim();
  if (trimmed !== "" && !/^\.+$/.test(trimmed)) return encodeURIComponent(trimmed);
  throw new Failure("invalid_id", `${JSON.stringify(id)} is no id.`);
}

// packages/cli/src/openmarlin/registration.ts
var SESSIONS = "/v1/registration/sessions";
var PROVIDER2 = "workos";
async function startRegistration(wire, flow) {
  const body = { provider: PROVIDER2, auth_flow: flow };
  return registrationOf(await wire.ask({ method: "POST", path: SESSIONS, body }));
}
async function findRegistration(wire, id) {
  return registrationOf(await wire.ask({ method: "GET", path: `${SESSIONS}/${segment(id)}` }));
}
function registrationOf(told) {
  const { registration_session_id: id, state } = told;
  if (textOf(id) !== void 0 && textOf(state) !== void 0) {
    return { id: String(id), state: String(state), told };
  }
  throw new Failure(
    "bad_response",
    "The answer is no registration session: it has no registration_session_id and state."
  );
}
function isOver({ state }) {
  return state === "completed" || state === "expired";
}
async function issueKey(wire, registration, label) {
  if (registration.state !== "completed") {
    throw new Failure(
      "registration_not_completed",
      `The registration is ${registration.state}; a key is issued once it is completed.`
    );
  }
  const told = await wire.ask({
    method: "POST",
    path: `${SESSIONS}/${segment(registration.id)}/api-keys`,
    body: { ...proofOf(registration), ...label.trim() !== "" && { label: label.trim() } }
  });
  if (!isObject(told.api_key)) {
    throw new Failure("bad_response", "The answer has no api_key: no key can be told from it.");
  }
  return { told, secret: textOf(told.secret)?.trim() };
}
function proofOf({ told }) {
  const { type, device_code: code, callback_state: state } = fieldsOf(told.handoff);
  if (type !== "browser" && textOf(code) !== void 0) return { device_code: code };
  if (textOf(state) !== void 0) return { callback_state: state };
  throw new Failure(
    "bad_response",
    "The registration session tells no proof to fetch the key with."
  );
}
function metadataOf({ told }, issued, serverUrl) {
  const completion = fieldsOf(told.completion);
  const workspace = fieldsOf(completion.workspace);
  const { key_id, workspace_id, created_at, label, status } = fieldsOf(issued.told.api_key);
  return {
    server_url: serverUrl,
    ...{ key_id, workspace_id, created_at, label, status },
    account_id: completion.account_id,
    workspace_slug: workspace.slug,
    workspace_display_name: workspace.display_name
  };
}

// packages/cli/src/openmarlin/registration-lines.ts
function printSession(output, { told, state }) {
  const { type, device_code, callback_state, authorization_url } = fieldsOf(told.handoff);
  output.field("Session ID", told.registration_session_id);
  output.field("State", told.state);
  output.field("Auth flow", told.auth_flow);
  output.field("Provider", told.provider);
  output.field("Created at", told.created_at);
  output.field("Expires at", told.expires_at);
  output.field("Handoff type", type);
  if (device_code) output.field("Device code", device_code);
  if (callback_state) output.field("Callback state", callback_state);
  const isPending = state === "pending_external_auth";
  if (authorization_url) output.field("Browser URL", authorization_url);
  else if (isPending) output.line("Browser URL: <none given by the server>");
  if (told.completion) printCompletion(output, fieldsOf(told.completion));
  else if (isPending) output.line("Waiting for the approval in the browser.");
}
function printCompletion(output, completion) {
  const identity = fieldsOf(completion.provider_identity);
  output.line("Completion:");
  output.field("  Account ID", completion.account_id);
  output.field("  New account", completion.is_new_account);
  output.field("  Workspace ID", fieldsOf(completion.workspace).workspace_id);
  output.line(`  Workspace: ${workspaceWords(completion)}`);
  output.field("  Provider", identity.provider);
  output.field("  Provider subject", identity.provider_subject);
  if (identity.primary_email) output.field("  Primary email", identity.primary_email);
  output.field("  Credential bootstrap", fieldsOf(completion.credential_bootstrap).status);
}
function workspaceWords(completion) {
  const { display_name, slug } = fieldsOf(completion.workspace);
  return `${wordOf(display_name)} (${wordOf(slug)})`;
}
function printIssued(output, registration, { told, secret }, stored) {
  const completion = fieldsOf(registration.told.completion);
  const key = fieldsOf(told.api_key);
  output.line(`Session ID: ${registration.id}`);
  output.field("Account ID", completion.account_id);
  output.line(`Workspace: ${workspaceWords(completion)}`);
  output.field("Key ID", key.key_id);
  output.field("Workspace ID", key.workspace_id);
  output.field("Status", key.status);
  output.field("Label", key.label);
  output.field("Created at", key.created_at);
  output.field("Last used at", key.last_used_at);
  output.field("Secret", secret);
  if (stored) {
    output.line("Stored:");
    output.line(`  Auth store: ${stored.auth_store_path}`);
    output.line(`  Profile ID: ${stored.profile_id}`);
    output.line(`  Agent ID: ${stored.agent_id}`);
  } else if (textOf(secret) !== void 0) {
    output.line("Export:");
    output.line(`  export OPENMARLIN_PLATFORM_API_KEY=${shellWord(secret ?? "")}`);
  }
}

// packages/cli/src/openmarlin/settings.ts
import { readFileSync as readFileSync2 } from "node:fs";
import { homedir } from "node:os";
import { join as join3 } from "node:path";
var CONTAINER_CONFIG = "/data/.clawdbot/openclaw.json";
var Settings = class {
  #env;
  #entry = "unread";
  constructor(env) {
    this.#env = env;
  }
  get home() {
    return this.#env.HOME || homedir();
  }
  /** Where a person writes settings down. */
  get configPath() {
    return join3(this.home, ".openclaw", "openclaw.json");
  }
  find(variable, flag) {
    const given = flag?.trim();
    if (given) return { value: given, source: "flag-or-arg" };
    const inEnv = this.#env[variable]?.trim();
    if (inEnv) return { value: inEnv, source: "process-env" };
    if (this.#entry === "unread") this.#entry = this.#readEntry();
    const stored = this.#entry?.variables[variable];
    if (typeof stored !== "string" || stored.trim() === "") return void 0;
    return { value: stored.trim(), source: `openclaw-config:${this.#entry?.path}` };
  }
  /** The first file that has an entry for the skill counts; one that cannot be read is none. */
  #readEntry() {
    for (const path of [this.configPath, CONTAINER_CONFIG]) {
      const skills = fieldsOf(fieldsOf(contentOf(path)).skills);
      const entry = fieldsOf(skills.entries).openmarlin;
      if (isObject(entry)) return { path, variables: fieldsOf(entry.env) };
    }
    return void 0;
  }
};
function contentOf(path) {
  try {
    return fieldsOf(parseJson(readFileSync2(path, "utf8")));
  } catch {
    return {};
  }
}

// packages/cli/src/openmarlin/shared-flags.ts
var SERVER_URL = { value: "URL", about: "the server, a bare origin" };
var SPEAKING = {
  json: { about: "print one JSON object" },
  "dry-run": { about: "look whether the server is there, and do nothing else" }
};
var KEY_PLACE = {
  "profile-id": {
    value: "ID",
    about: "the auth profile",
    isRequired: false,
    otherwise: PROFILE_BY_DEFAULT
  },
  "agent-id": { value: "ID", about: "the OpenClaw agent", otherwise: AGENT_BY_DEFAULT }
};
var WITH_KEY = {
  "server-url": SERVER_URL,
  "api-key": { value: "KEY", about: "instead of the stored key, for debugging" },
  ...KEY_PLACE,
  ...SPEAKING
};
function pollFlags(timeoutSeconds) {
  return {
    "interval-seconds": {
      value: "S",
      about: "between two looks",
      number: { min: 0 },
      otherwise: "2.0"
    },
    "timeout-seconds": {
      value: "S",
      about: "how long to look",
      number: { min: 0 },
      otherwise: timeoutSeconds
    }
  };
}

// packages/cli/src/openmarlin/registration-session.ts
var EXPIRED = 3;
var WATCH_SECONDS = "300.0";
var SESSION = {
  "session-id": { value: "ID", about: "the registration session", isRequired: true }
};
var ISSUE = {
  ...SESSION,
  label: {
    value: "TEXT",
    about: "what the key is called; empty for nothing",
    otherwise: "OpenClaw bootstrap"
  },
  store: { about: "keep the key in the auth profile, and do not show it" },
  ...KEY_PLACE
};
function command(name, about, flags, run) {
  return {
    about,
    flags: { ...flags, ...SPEAKING },
    run(surroundings) {
      const registrar = new Registrar(surroundings);
      if (!surroundings.flags.has("dry-run")) return run(surroundings, registrar);
      const { output, flags: flags2 } = surroundings;
      const facts = name === "create" ? { auth_flow: flags2.required("auth-flow") } : { session_id: flags2.required("session-id") };
      const { origin, wire } = registrar;
      return dryRun(output, flags2, { command: name, origin, wire, facts });
    }
  };
}
var Registrar = class {
  settings;
  origin;
  wire;
  #surroundings;
  constructor(surroundings) {
    this.settings = new Settings(surroundings.env);
    this.origin = findOrigin(this.settings, surroundings.flags.text("server-url"));
    this.wire = new Wire(this.origin, this.settings);
    this.#surroundings = surroundings;
  }
  /** The command line that goes on with a registration, at the same server. */
  next(command2, id) {
    const { flags } = this.#surroundings;
    const server = flags.has("server-url") ? ["--server-url", this.origin.url] : [];
    return scriptCommand("registration_session", [...server, command2, "--session-id", id]);
  }
  /** Waits until nothing more happens to the registration. Fails where that takes too long. */
  async watch() {
    const { flags, output } = this.#surroundings;
    const id = flags.required("session-id");
    let state = "";
    const polled = poll(
      flags,
      async () => {
        const registration = await findRegistration(this.wire, id);
        state = registration.state;
        return registration;
      },
      isOver
    );
    const { value, isOver: isDone } = await output.waiting(
      () => `waiting for the approval in the browser \xB7 ${state}`,
      polled
    );
    if (isDone) return value;
    throw new Failure(
      "timeout",
      `The registration is still ${value.state} after ${flags.required("timeout-seconds")} s. To go on: ${this.next("watch", id)}`
    );
  }
  /** Fetches the key, and stores it where that is asked for. */
  async issue(registration) {
    const { flags, output } = this.#surroundings;
    const label = flags.required("label");
    if (!flags.has("store")) return { issued: await issueKey(this.wire, registration, label) };
    const [profileId, agentId] = [flags.required("profile-id"), flags.required("agent-id")];
    const file = keyFile(this.settings, agentId);
    file.prepare();
    const issued = await issueKey(this.wire, registration, label);
    const { secret } = issued;
    if (secret === void 0) {
      throw new Failure("bad_response", "The answer has no secret: there is nothing to store.");
    }
    if (!flags.has("json")) output.keepSecret(secret);
    storeKey(file, profileId, secret, metadataOf(registration, issued, this.origin.url));
    const stored = { auth_store_path: file.path, profile_id: profileId, agent_id: agentId };
    return { issued, stored };
  }
};
function tell({ flags, output }, registration) {
  if (flags.has("json")) output.json(registration.told);
  else printSession(output, registration);
  return registration.state === "expired" ? EXPIRED : 0;
}
async function create(surroundings, registrar) {
  const { flags, output, env } = surroundings;
  const registration = await startRegistration(registrar.wire, flags.required("auth-flow"));
  const code = tell(surroundings, registration);
  if (flags.has("json") || isOver(registration)) return code;
  const { authorization_url, device_code } = fieldsOf(registration.told.handoff);
  output.line("");
  output.line("Next steps:");
  output.line(`- ${await invite(env, textOf(authorization_url))}`);
  if (device_code) output.field("- Use device code", device_code);
  output.line("- Keep polling the registration session until it is completed or expired:");
  output.line(`  ${registrar.next("watch", registration.id)}`);
  return code;
}
async function invite(env, url) {
  if (url === void 0) return "The server named no page to open.";
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    return `The server named something that is no address of the web, and it was not opened: ${url}`;
  }
  const isOpen = await openBrowser(env, url);
  if (isOpen) return `A browser was opened at ${url}`;
  return `No browser could be opened here. Open this page in one: ${url}`;
}
async function issueApiKey(surroundings, registrar) {
  const { flags, output } = surroundings;
  const registration = await findRegistration(registrar.wire, flags.required("session-id"));
  const { issued, stored } = await registrar.issue(registration);
  if (flags.has("json")) output.json({ ...issued.told, ...stored && { stored: { ...stored } } });
  else printIssued(output, registration, issued, stored);
  return 0;
}
async function bootstrap(surroundings, registrar) {
  const { flags, output } = surroundings;
  const registration = await registrar.watch();
  if (registration.state === "expired") {
    throw new Failure(
      "registration_session_expired",
      `The registration has expired. Start another: ${scriptCommand("registration_session", ["create"])}`
    );
  }
  const { issued, stored } = await registrar.issue(registration);
  if (flags.has("json")) {
    const told = { session: registration.told, issued: issued.told };
    output.json({ ...told, ...stored && { stored: { ...stored } } });
  } else {
    printSession(output, registration);
    printIssued(output, registration, issued, stored);
  }
  return 0;
}
var FLOW = {
  "auth-flow": {
    value: "FLOW",
    about: "how a person is asked",
    choices: ["device", "workos_callback"],
    otherwise: "device"
  }
};
await main({
  name: "registration_session",
  about: "Registers with an OpenMarlin server and fetches the first API key.",
  before: { "server-url": SERVER_URL },
  commands: {
    create: command("create", "Start a registration.", FLOW, create),
    status: command(
      "status",
      "Look at a registration once.",
      SESSION,
      async (around, { wire }) => tell(around, await findRegistration(wire, around.flags.required("session-id")))
    ),
    watch: command(
      "watch",
      "Look until the registration is completed or expired.",
      { ...SESSION, ...pollFlags(WATCH_SECONDS) },
      async (around, registrar) => tell(around, await registrar.watch())
    ),
    "issue-api-key": command("issue-api-key", "Fetch the key, once.", ISSUE, issueApiKey),
    bootstrap: command(
      "bootstrap",
      "Watch, then fetch the key.",
      { ...ISSUE, ...pollFlags(WATCH_SECONDS) },
      bootstrap
    )
  }
});

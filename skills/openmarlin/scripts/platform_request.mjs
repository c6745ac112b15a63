// Made from packages/cli/src/openmarlin; changes to this file are lost.

// packages/cli/src/openmarlin/body.ts
import { readFileSync } from "node:fs";

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
    const next2 = this.#text[this.#at];
    if (next2 === "{") return this.#object(depth);
    if (next2 === "[") return this.#array(depth);
    if (next2 === '"') return this.#string();
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
function itemsOf(value) {
  return Array.isArray(value) ? value : [];
}
function textOf(value) {
  return typeof value === "string" && value.trim() !== "" ? value : void 0;
}

// packages/cli/src/openmarlin/body.ts
function bodyFlags(name, about) {
  return {
    [`${name}-json`]: { value: "JSON", about },
    [`${name}-file`]: { value: "FILE", about: "the same, in a file; - for stdin" }
  };
}
function findBody(flags, name) {
  const text = flags.text(`${name}-json`);
  const path = flags.text(`${name}-file`);
  if (text !== void 0 && path !== void 0) {
    throw usageFailure(`Give either --${name}-json or --${name}-file, not both.`);
  }
  if (text !== void 0) return objectIn(text, `--${name}-json`);
  return path === void 0 ? void 0 : objectIn(readNamed(path), path);
}
function requireBody(flags, name) {
  const body = findBody(flags, name);
  if (body) return body;
  throw usageFailure(`Give --${name}-json or --${name}-file.`);
}
function objectIn(text, where) {
  let value;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new Failure("invalid_json", `${where} is not JSON: ${messageOf(error)}.`);
  }
  if (isObject(value)) return value;
  throw new Failure("invalid_json", `${where} has to be a JSON object.`);
}
function readNamed(path) {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new Failure("file_unreadable", `${path} cannot be read: ${messageOf(error)}`);
  }
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
function isSameOrigin(one, other) {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}

// packages/cli/src/openmarlin/state-file.ts
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync as readFileSync2,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs";
import { basename, dirname, join } from "node:path";

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

// packages/cli/src/openmarlin/state-file.ts
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
      text = readFileSync2(this.path, "utf8");
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
function keyFile(settings, agentId) {
  return new StateFile(stateDirectory(settings, agentId), "auth-profiles.json", "profiles");
}
function requireKey(settings, { agentId, profileId }, flag) {
  const given = settings.find("OPENMARLIN_PLATFORM_API_KEY", flag);
  if (given) return { secret: checked(given.value), source: "env-or-flag", metadata: {} };
  const file = keyFile(settings, agentId);
  const profiles = file.entries();
  const profile = fieldsOf(Object.hasOwn(profiles, profileId) ? profiles[profileId] : void 0);
  const secret = profile.type === "api_key" ? textOf(profile.key)?.trim() : void 0;
  if (secret !== void 0) {
    const metadata = fieldsOf(profile.metadata);
    return { secret: checked(secret), source: `auth-profiles:${file.path}`, metadata };
  }
  makeIfMissing(file);
  throw new Failure(
    "missing_api_key",
    `There is no API key: neither OPENMARLIN_PLATFORM_API_KEY nor profile ${profileId} in ${file.path}. Register first: node scripts/registration_session.mjs create`
  );
}
function makeIfMissing(file) {
  try {
    file.prepare();
  } catch {
  }
}
function checked(secret) {
  if (/^[\x21-\x7e]+$/.test(secret)) return secret;
  throw new Failure("invalid_api_key", "The API key has characters in it that no key has.");
}
function warnOfOtherOrigin(key, origin, output) {
  const madeBy = textOf(key.metadata.server_url);
  if (madeBy === void 0 || isSameOrigin(madeBy, origin.url)) return;
  output.note(
    `Warning: the stored key was issued by ${madeBy}, and is sent to ${origin.url} (${origin.source}).`
  );
}

// packages/cli/src/openmarlin/settings.ts
import { readFileSync as readFileSync3 } from "node:fs";
import { homedir } from "node:os";
import { join as join2 } from "node:path";
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
    return join2(this.home, ".openclaw", "openclaw.json");
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
    return fieldsOf(parseJson(readFileSync3(path, "utf8")));
  } catch {
    return {};
  }
}
function defaultLabels(settings) {
  const found = settings.find("OPENMARLIN_DEFAULT_ROUTING_LABELS");
  if (!found) return {};
  const wrong = new Failure(
    "invalid_routing_labels",
    `OPENMARLIN_DEFAULT_ROUTING_LABELS (${found.source}) has to be a JSON object of texts, like {"region":"ap-sg"}.`
  );
  let labels;
  try {
    labels = parseJson(found.value);
  } catch {
    throw wrong;
  }
  if (!isObject(labels)) throw wrong;
  const entries = Object.entries(labels).map(([name, value]) => {
    if (typeof value !== "string" || value.trim() === "" || name.trim() === "") throw wrong;
    return [name.trim(), value.trim()];
  });
  return Object.fromEntries(entries);
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

// packages/cli/src/openmarlin/client.ts
var Client = class {
  settings;
  origin;
  wire;
  output;
  #place;
  #flag;
  #key;
  constructor({ flags, env, output }) {
    this.settings = new Settings(env);
    this.origin = findOrigin(this.settings, flags.text("server-url"));
    this.wire = new Wire(this.origin, this.settings);
    this.output = output;
    this.#flag = flags.text("api-key");
    this.#place = { agentId: flags.required("agent-id"), profileId: flags.required("profile-id") };
  }
  /** Where this agent's files are. */
  get directory() {
    return stateDirectory(this.settings, this.#place.agentId);
  }
  /** The key. Fails where there is none. */
  get key() {
    if (this.#key) return this.#key;
    const key = requireKey(this.settings, this.#place, this.#flag);
    this.output.keepSecret(key.secret);
    warnOfOtherOrigin(key, this.origin, this.output);
    this.#key = key;
    return key;
  }
  /** Sends a request with the key. Any answer that comes is given. */
  call(call) {
    return this.wire.call({ ...call, secret: this.key.secret });
  }
  /** What a dry run tells of the key. */
  aboutKey() {
    try {
      return { api_key_source: this.key.source, api_key_error: null };
    } catch (error) {
      return { api_key_source: null, api_key_error: messageOf(error) };
    }
  }
};
function refused(reply, key) {
  return {
    ok: false,
    status: reply.status,
    api_key_source: key.source,
    response: reply.json ?? reply.text
  };
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

// packages/cli/src/openmarlin/events.ts
function isStream({ headers }) {
  return (headers["content-type"] ?? "").toLowerCase().startsWith("text/event-stream");
}
var EventReader = class {
  #rest = "";
  #name = "message";
  #data = [];
  /** The events that are whole with `text`. */
  read(text) {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }
  /** What is left at the end counts also where no blank line ended it. */
  end() {
    return [...this.#line(this.#rest.replace(/\r$/, "")), ...this.#line("")];
  }
  #line(line) {
    const [, field, value = ""] = /^\ufeff?(event|data): ?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.#name = value || "message";
    if (field === "data") this.#data.push(value);
    if (line.trim() !== "") return [];
    const whole = { event: this.#name, data: dataOf(this.#data.join("\n")) };
    const isEmpty = this.#data.length === 0;
    this.#name = "message";
    this.#data = [];
    return isEmpty ? [] : [whole];
  }
};
function eventsOf(text) {
  const reader = new EventReader();
  return [...reader.read(text), ...reader.end()];
}
function dataOf(text) {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
function eventsJson(events) {
  return events.map(({ event, data }) => ({ event, data }));
}

// packages/cli/src/openmarlin/execution-body.ts
var TIMEOUT_MS_DEFAULT = 3e5;
var TIMEOUT_MS_MAX = 18e5;
var GRACE_MS = 6e4;
function findProvider(settings, flags) {
  return settings.find("OPENMARLIN_DEFAULT_PROVIDER_ID", flags.text("provider"));
}
function findLabels(settings, flags) {
  const given = flags.all("label").map((label) => {
    const at = label.indexOf("=");
    const [name, value] = [label.slice(0, Math.max(at, 0)).trim(), label.slice(at + 1).trim()];
    if (name === "" || value === "") {
      throw new Failure(
        "invalid_routing_labels",
        `--label takes NAME=VALUE, not ${JSON.stringify(label)}.`
      );
    }
    return [name, value];
  });
  return { ...defaultLabels(settings), ...Object.fromEntries(given) };
}
function executionRequestOf(given, settings, flags) {
  for (const name of ["model_provider", "modelProvider"]) {
    if (Object.hasOwn(given, name)) {
      throw invalid(`"${name}" is no field: "model" takes a whole reference, like vendor/model.`);
    }
  }
  const provider = findProvider(settings, flags)?.value;
  const labels = findLabels(settings, flags);
  const body = {
    ...given,
    ...modelOf(given),
    ...provider !== void 0 && { provider_id: provider },
    ...Object.keys(labels).length > 0 && { labels }
  };
  return {
    body,
    provider: textOf(body.provider_id) ?? null,
    labels: isObject(body.labels) ? body.labels : {},
    timeoutMs: timeoutOf(given) + GRACE_MS
  };
}
function modelOf({ model }) {
  if (model === void 0 || model === null) return {};
  if (typeof model !== "string") throw invalid('"model" has to be a text.');
  const reference = model.trim();
  if (reference === "" || reference.includes("/")) return { model: reference };
  throw invalid(
    `"model" has to be a whole reference with a slash, like openai-codex/gpt-5.4, not ${JSON.stringify(reference)}. What there is: node scripts/platform_request.mjs models`
  );
}
function timeoutOf({ timeout_ms: timeout }) {
  if (!(timeout instanceof Numeral)) return TIMEOUT_MS_DEFAULT;
  return Math.min(Math.max(timeout.value, 0), TIMEOUT_MS_MAX);
}
function invalid(message) {
  return new Failure("invalid_request", message);
}

// packages/cli/src/openmarlin/decimal.ts
var Decimal = class _Decimal {
  #units;
  #places;
  constructor(units, places) {
    this.#units = units;
    this.#places = places;
  }
  static zero = new _Decimal(0n, 0);
  /** The number that `text` says; `undefined` where it says none, or one of absurd size. */
  static of(text) {
    const [, sign = "", whole = "", part = "", power = "0"] = /^([+-]?)(\d{1,40})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text.trim()) ?? [];
    if (whole === "") return void 0;
    const places = part.length - Number(power);
    const units = BigInt(`${sign === "-" ? "-" : ""}${whole}${part}`);
    return places < 0 ? new _Decimal(units * 10n ** BigInt(-places), 0) : new _Decimal(units, places);
  }
  plus(other) {
    const places = Math.max(this.#places, other.#places);
    return new _Decimal(this.#at(places) + other.#at(places), places);
  }
  minus(other) {
    return this.plus(new _Decimal(-other.#units, other.#places));
  }
  get isAboveZero() {
    return this.#units > 0n;
  }
  /** The next number that has no more than so many places. */
  roundedUp(places) {
    if (this.#places <= places) return this;
    const step = 10n ** BigInt(this.#places - places);
    const whole = this.#units / step;
    return new _Decimal(this.#units > whole * step ? whole + 1n : whole, places);
  }
  /** `10`, `2.5`, `-0.07`. */
  toString() {
    const sign = this.#units < 0n ? "-" : "";
    const digits = String(this.#units < 0n ? -this.#units : this.#units);
    const padded = digits.padStart(this.#places + 1, "0");
    const cut = padded.length - this.#places;
    const part = padded.slice(cut).replace(/0+$/, "");
    return `${sign}${padded.slice(0, cut)}${part === "" ? "" : `.${part}`}`;
  }
  /** As the clients' files have it: never without a point. */
  toFloat() {
    const text = this.toString();
    return new Numeral(text.includes(".") ? text : `${text}.0`);
  }
  #at(places) {
    return this.#units * 10n ** BigInt(places - this.#places);
  }
};
function amountOf(value) {
  if (typeof value !== "object" || value === null) return void 0;
  const { amount, unit } = value;
  const decimal = decimalOf(amount);
  return decimal && typeof unit === "string" ? { amount: decimal, unit } : void 0;
}
function decimalOf(value) {
  if (value instanceof Numeral) return Decimal.of(value.text);
  return typeof value === "number" ? Decimal.of(String(value)) : void 0;
}
function amountText({ amount, unit }) {
  return `${amount} ${unit}`;
}
function amountJson({ amount, unit }) {
  return { amount: new Numeral(amount.toString()), unit };
}

// packages/cli/src/openmarlin/balance.ts
var BALANCE = "last_balance_snapshot";
var TOPUPS = "topup_sessions";
var BillingState = class {
  #file;
  constructor(directory) {
    this.#file = new StateFile(directory, "billing-state.json", "workspaces");
  }
  get path() {
    return this.#file.path;
  }
  /** The last balance that was seen of a workspace. */
  snapshot(workspaceId) {
    const found = fieldsOf(entryOf(this.#file.entries(), workspaceId)[BALANCE]);
    return Object.keys(found).length === 0 ? void 0 : found;
  }
  /** Every top-up that was seen, with its workspace: of all workspaces, or of one. */
  topups(workspaceId) {
    const workspaces = this.#file.entries();
    const ids = workspaceId === void 0 ? Object.keys(workspaces) : [workspaceId];
    return ids.flatMap(
      (id) => Object.values(fieldsOf(entryOf(workspaces, id)[TOPUPS])).map((topup) => ({
        workspace_id: id,
        ...fieldsOf(topup)
      }))
    );
  }
  keepSnapshot(workspaceId, snapshot) {
    this.#change(workspaceId, (entry) => ({ ...entry, [BALANCE]: snapshot }));
  }
  /** Keeps a top-up as the server told it. */
  keepTopup(workspaceId, id, told, now) {
    const topup = { ...told, last_seen_at: now.toISOString() };
    this.#change(workspaceId, (entry) => ({
      ...entry,
      [TOPUPS]: { ...fieldsOf(entry[TOPUPS]), [id]: topup }
    }));
  }
  #change(workspaceId, changed) {
    this.#file.change((workspaces) => ({
      ...workspaces,
      [workspaceId]: changed(entryOf(workspaces, workspaceId))
    }));
  }
};
function entryOf(workspaces, id) {
  return fieldsOf(Object.hasOwn(workspaces, id) ? workspaces[id] : void 0);
}

// packages/cli/src/openmarlin/explanations.ts
var ROUTING = "Try other labels, another provider, or neither: then the server chooses.";
var TASK = "Check that kind is video, and the shape of input.";
var EXPLANATIONS = {
  missing_api_key: "No API key came with the request.",
  invalid_api_key: "The server does not know this API key.",
  api_key_inactive: "This API key is revoked or disabled.",
  workspace_missing: "The workspace of this API key is gone.",
  account_missing: "The owner of this workspace is gone.",
  invalid_request: "The request is not as it has to be.",
  invalid_routing_labels: `The labels are malformed. ${ROUTING}`,
  provider_unavailable: `The provider is not connected at the moment. ${ROUTING}`,
  provider_label_mismatch: `The provider does not have the labels that were asked for. ${ROUTING}`,
  execution_kind_not_available: `The provider does not do executions of this kind. ${ROUTING}`,
  execution_provider_not_found: `No provider fits the request. ${ROUTING}`,
  execution_provider_ambiguous: "Several providers fit, and the server does not choose: give narrower labels, or name a provider.",
  execution_failed: "The provider failed.",
  execution_timeout: "The provider took longer than timeout_ms allows.",
  task_executor_not_found: `Nothing on this server does tasks of this kind. ${TASK}`,
  task_not_found: "The server knows no such task of this workspace.",
  topup_session_not_found: "The server knows no such top-up of this workspace.",
  idempotency_conflict: "This idempotency key was used for another request: take another, or none.",
  insufficient_balance: "The balance does not suffice; a top-up mends that.",
  budget_exceeded: "A budget would be overshot; its owner can raise it.",
  ceiling_exceeded: "The ceiling of this work would be overshot; a person has to raise it first.",
  spend_limit_reached: "A spending limit of this key or workspace is used up; its owner can raise it.",
  payload_too_large: "The request is larger than the server takes.",
  rate_limited: "That was asked too often; try again a little later.",
  overloaded: "The server has too much to do; try again in a few seconds.",
  internal_error: "The server made a mistake.",
  not_found: "There is no such thing on this server: is it an OpenMarlin server?"
};
var OF_TASKS = { invalid_request: TASK };
function explain(code, isTask) {
  const known = code !== void 0 && Object.hasOwn(EXPLANATIONS, code) ? EXPLANATIONS[code] : "";
  const words = known || "The server refused the request.";
  const more = isTask && Object.hasOwn(OF_TASKS, code ?? "") ? OF_TASKS[code ?? ""] : void 0;
  return more === void 0 ? words : `${words} ${more}`;
}

// packages/cli/src/openmarlin/own-script.ts
import { dirname as dirname2, isAbsolute, join as join3, relative } from "node:path";
import { fileURLToPath } from "node:url";
var HERE = dirname2(fileURLToPath(import.meta.url));
function scriptCommand(script, args) {
  const path = join3(HERE, `${script}.mjs`);
  const near = relative(process.cwd(), path);
  const shown2 = near.startsWith("..") || isAbsolute(near) ? path : near;
  return ["node", shown2, ...args].map(shellWord).join(" ");
}
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// packages/cli/src/openmarlin/shortfall.ts
var CODE = "insufficient_balance";
var TOPUP_PLACES = 2;
function shortfallOf(body) {
  if (!isObject(body) || body.error_code !== CODE) return void 0;
  const current = amountOf(body.current_balance);
  const required = amountOf(body.required_balance);
  if (!current || !required || current.unit !== required.unit) return void 0;
  const { unit } = required;
  const difference = required.amount.minus(current.amount);
  const missing = difference.isAboveZero ? difference : difference.minus(difference);
  const wanted = missing.isAboveZero ? missing : required.amount;
  return {
    workspaceId: textOf(body.workspace_id),
    message: textOf(body.message),
    ...{ current, required, missing: { amount: missing, unit } },
    topup: { amount: wanted.roundedUp(TOPUP_PLACES), unit }
  };
}
function snapshotOfShortfall(shortfall, now) {
  const { workspaceId, message, current, required } = shortfall;
  return {
    workspace_id: workspaceId,
    amount: current.amount.toFloat(),
    unit: current.unit,
    observed_at: now.toISOString(),
    source: "structured_402",
    estimated: false,
    message,
    required_amount: required.amount.toFloat(),
    reference: { error_code: CODE }
  };
}
function recoveryOf(shortfall) {
  const { workspaceId, message, current, required, missing, topup } = shortfall;
  return {
    error_code: CODE,
    message,
    workspace_id: workspaceId ?? null,
    current_balance: amountJson(current),
    required_balance: amountJson(required),
    shortfall: amountJson(missing),
    topup: amountJson(topup)
  };
}
function recoveryCommands({ topup }) {
  return [
    scriptCommand("billing", ["create-topup", "--amount", topup.amount.toString()]),
    `${scriptCommand("billing", ["watch"])} --session-id <topup-session-id>`
  ];
}
function shortfallText({ current, required, missing }) {
  return `Current=${amountText(current)} required=${amountText(required)} shortfall=${amountText(missing)}`;
}

// packages/cli/src/openmarlin/topup.ts
function noteFailure(client, work) {
  try {
    return work();
  } catch (error) {
    client.output.note(oneLine(messageOf(error)));
    return void 0;
  }
}

// packages/cli/src/openmarlin/platform-answer.ts
var UNROUTED = { isTask: false, provider: null, labels: {} };
var TASK2 = { ...UNROUTED, isTask: true };
var PAYMENT_REQUIRED = 402;
function answered(client, reply, { provider, labels }) {
  return {
    ok: true,
    status: reply.status,
    ...{ provider, labels, api_key_source: client.key.source },
    response_headers: reply.headers,
    response: (isStream(reply) ? void 0 : reply.json) ?? reply.text,
    ...isStream(reply) && { stream_events: eventsJson(eventsOf(reply.text)) }
  };
}
function tellRefusal(client, reply, asked, isJson) {
  const { output } = client;
  const shortfall = shortfallOf(reply.json);
  const storedAt = shortfall && rememberShortfall(client, shortfall);
  const recoverable = reply.status === PAYMENT_REQUIRED ? shortfall : void 0;
  const message = messageFor(reply, asked);
  if (isJson) {
    output.json({
      ...refused(reply, client.key),
      ...{ provider: asked.provider, labels: asked.labels, message },
      ...isStream(reply) && { stream_events: eventsJson(eventsOf(reply.text)) },
      ...recoverable && {
        recovery: recoveryOf(recoverable),
        commands: recoveryCommands(recoverable)
      },
      ...storedAt !== void 0 && { stored_balance: { billing_state_path: storedAt } }
    });
    return 1;
  }
  if (!recoverable) {
    output.note(message);
    return 1;
  }
  output.note(`${message} ${shortfallText(recoverable)}`);
  output.note("This can be mended by a top-up:");
  for (const command2 of recoveryCommands(recoverable)) output.note(`  ${command2}`);
  if (storedAt !== void 0) output.note(`Balance noted in ${storedAt}`);
  return 1;
}
function rememberShortfall(client, shortfall) {
  const { workspaceId } = shortfall;
  if (workspaceId === void 0) return void 0;
  return noteFailure(client, () => {
    const state = new BillingState(client.directory);
    state.keepSnapshot(workspaceId, snapshotOfShortfall(shortfall, /* @__PURE__ */ new Date()));
    return state.path;
  });
}
function messageFor(reply, asked) {
  if (reply.status < 400) return refusal(reply).message;
  const code = codeOf(reply.json);
  const said = textOf(fieldsOf(reply.json).message);
  const words = [
    `HTTP ${reply.status} ${code ?? "without a code"}: ${explain(code, asked.isTask)}`,
    ...said === void 0 ? [] : [`The server says: ${shortened(said)}`],
    ...reply.json === void 0 ? [`It answered with ${kindOf(reply)}.`] : [],
    ...sentWords(asked)
  ];
  return words.join(" ");
}
function sentWords({ isTask, provider, labels }) {
  const sent = [
    ...provider === null ? [] : [`provider=${oneLine(provider)}`],
    ...Object.keys(labels).length === 0 ? [] : [`labels=${lineOfJson(labels)}`]
  ];
  return isTask || sent.length === 0 ? [] : [`Sent ${sent.join(", ")}.`];
}

// packages/cli/src/openmarlin/execution.ts
async function runExecution(client, flags) {
  const { output, settings } = client;
  const { body, provider, labels, timeoutMs } = executionRequestOf(
    requireBody(flags, "body"),
    settings,
    flags
  );
  const asked = { isTask: false, provider, labels };
  const isJson = flags.has("json");
  const stream = new StreamPrinter(output, asked);
  const reply = await output.waiting(
    "waiting for the answer",
    client.call({
      ...{ method: "POST", path: "/v1/executions", body, timeoutMs },
      ...!isJson && { onText: (text, headers) => isStream({ headers }) && stream.print(text) }
    })
  );
  if (!reply.isSuccess) return tellRefusal(client, reply, asked, isJson);
  refusePage(reply);
  if (isJson) output.json(answered(client, reply, asked));
  else if (isStream(reply)) stream.end();
  else printAnswer(output, reply, asked);
  return 0;
}
function refusePage(reply) {
  if (!/^(?:text\/html|application\/xhtml)/i.test(reply.headers["content-type"] ?? "")) return;
  throw new Failure(
    "bad_response",
    `${reply.method} ${reply.url} answered with ${kindOf(reply)}. Is that the address of a server?`
  );
}
var StreamPrinter = class {
  #output;
  #asked;
  #reader = new EventReader();
  #isBegun = false;
  constructor(output, asked) {
    this.#output = output;
    this.#asked = asked;
  }
  print(text) {
    const events = this.#reader.read(text);
    if (events.length > 0) this.#begin();
    this.#lines(events);
  }
  end() {
    this.#begin();
    this.#lines(this.#reader.end());
  }
  #begin() {
    if (this.#isBegun) return;
    this.#isBegun = true;
    printAsked(this.#output, this.#asked);
    this.#output.line("Execution stream:");
  }
  #lines(events) {
    for (const { event, data } of events) {
      this.#output.line(`- ${oneLine(event)}: ${lineOfJson(data)}`);
    }
  }
};
function printAsked(output, { provider, labels }) {
  output.line("Command: executions");
  output.line(`Provider override: ${provider === null ? "<none>" : oneLine(provider)}`);
  output.line(`Routing labels: ${lineOfJson(labels)}`);
}
function printAnswer(output, reply, asked) {
  printAsked(output, asked);
  output.line("Response:");
  if (reply.json === void 0) output.line(reply.text);
  else output.json(reply.json);
}

// packages/cli/src/openmarlin/models-lines.ts
function modelLines(models) {
  return models.flatMap((model) => {
    const { id, providers } = fieldsOf(model);
    return itemsOf(providers).map((provider) => {
      const { provider_id, model_providers, labels } = fieldsOf(provider);
      const advertised = itemsOf(model_providers);
      const isOnlyThis = advertised.length === 1 && advertised[0] === id;
      const hasLabels = Object.keys(fieldsOf(labels)).length > 0;
      return [
        `- ${wordOf(id)} via ${wordOf(provider_id)}`,
        ...isOnlyThis ? [] : [`advertises=${lineOfJson(advertised)}`],
        ...hasLabels ? [`labels=${lineOfJson(labels ?? null)}`] : []
      ].join(" ");
    });
  });
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
    const next2 = args[at + 1];
    if (inline === void 0 && (next2 === void 0 || next2.startsWith("--"))) {
      throw usageFailure(`--${name} needs a value: ${flag.value}.`);
    }
    if (inline === void 0) at++;
    const value = inline ?? next2 ?? "";
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

// packages/cli/src/openmarlin/task-body.ts
var KIND = "video";
var ROUTING2 = [
  "instruction",
  "provider_id",
  "providerId",
  "labels",
  "model",
  "model_provider",
  "modelProvider",
  "stream"
];
var MEDIA_MAX = 16;
var DURATION_MS_MAX = 6e5;
var PROMPT_LENGTH_MAX = 1e4;
var KEY_LENGTH_MAX = 200;
var BLANK = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
var BLANK_ENDS = new RegExp(`^${BLANK}|${BLANK}$`, "g");
var INPUT = {
  prompt: (value) => isText(value) && stripped(value).length <= PROMPT_LENGTH_MAX ? void 0 : `a text of at most ${PROMPT_LENGTH_MAX} characters that is not blank`,
  media_urls: listOf((item) => isText(item) && /^https?:\/\//i.test(item), "addresses of the web"),
  media_ids: listOf(isText, "ids"),
  duration_ms: (value) => isWholeNumber(value, DURATION_MS_MAX) ? void 0 : `a whole number from 1 to ${DURATION_MS_MAX}`,
  aspect_ratio: (value) => isText(value) && /^[1-9]\d{0,4}:[1-9]\d{0,4}$/.test(value) ? void 0 : "a ratio like 16:9"
};
function taskRequestOf(given) {
  for (const name of Object.keys(given)) {
    if (ROUTING2.includes(name)) {
      throw invalid2(`"${name}" belongs to executions: a task takes kind, input and metadata.`);
    }
    if (!["kind", "input", "metadata", "idempotency_key"].includes(name)) {
      throw invalid2(`There is no field "${name}" in a task: it takes kind, input and metadata.`);
    }
  }
  if (given.kind !== KIND) throw invalid2(`"kind" has to be "${KIND}".`);
  if (!isObject(given.input)) throw invalid2('"input" has to be an object with a prompt.');
  const { metadata } = given;
  if (metadata !== void 0 && metadata !== null && !isObject(metadata)) {
    throw invalid2('"metadata" has to be an object.');
  }
  const { idempotency_key: key, ...body } = given;
  return {
    body: { ...body, input: checkedInput(given.input) },
    idempotencyKey: key === void 0 ? void 0 : checkedKey(key)
  };
}
function checkedInput(input) {
  if (!isText(input.prompt)) throw invalid2('"input.prompt" has to be a text that is not blank.');
  for (const [name, value = null] of Object.entries(input)) {
    const check = Object.hasOwn(INPUT, name) ? INPUT[name] : void 0;
    if (!check) {
      throw invalid2(`There is no field "${name}" in "input": ${Object.keys(INPUT).join(", ")}.`);
    }
    const expected = check(value);
    if (expected !== void 0) throw invalid2(`"input.${name}" has to be ${expected}.`);
  }
  return { ...input, prompt: stripped(input.prompt) };
}
function checkedKey(key) {
  const text = isText(key) ? stripped(key) : "";
  if (text !== "" && text.length <= KEY_LENGTH_MAX) return text;
  throw invalid2(
    `An idempotency key has to be a text of at most ${KEY_LENGTH_MAX} characters that is not blank.`
  );
}
function listOf(isGood, what) {
  return (value) => Array.isArray(value) && value.length <= MEDIA_MAX && value.every(isGood) ? void 0 : `a list of at most ${MEDIA_MAX} ${what}`;
}
function isText(value) {
  return typeof value === "string" && stripped(value) !== "";
}
function isWholeNumber(value, max) {
  return value instanceof Numeral && /^\d+$/.test(value.text) && value.value >= 1 && value.value <= max;
}
function stripped(text) {
  return text.replaceAll(BLANK_ENDS, "");
}
function invalid2(message) {
  return new Failure("invalid_request", message);
}

// packages/cli/src/openmarlin/task-commands.ts
import { randomBytes as randomBytes2 } from "node:crypto";

// packages/cli/src/openmarlin/poll.ts
import { setTimeout as delay } from "node:timers/promises";
var INTERVAL_MS_MIN = 20;
var INTERVAL_MS_MAX = 2 ** 31 - 1;
async function poll(flags, look2, isOver2) {
  const intervalMs = Math.max(INTERVAL_MS_MIN, flags.number("interval-seconds") * 1e3);
  const endMs = performance.now() + flags.number("timeout-seconds") * 1e3;
  while (true) {
    const value = await look2();
    if (isOver2(value)) return { value, isOver: true };
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return { value, isOver: false };
    await delay(Math.min(intervalMs, leftMs, INTERVAL_MS_MAX));
  }
}

// packages/cli/src/openmarlin/submission.ts
import { createHash } from "node:crypto";
var Submissions = class {
  #file;
  constructor(directory) {
    this.#file = new StateFile(directory, "task-state.json", "submissions");
  }
  /** The key of the same request, where it was seen less than `windowSeconds` ago. */
  recentKey(request, windowSeconds, now) {
    const entries = this.#file.entries();
    const name = nameOf(request);
    const found = fieldsOf(Object.hasOwn(entries, name) ? entries[name] : void 0);
    const seenAt = Date.parse(textOf(found.last_seen_at) ?? "");
    const ageSeconds = (now.getTime() - seenAt) / 1e3;
    return ageSeconds <= windowSeconds && windowSeconds > 0 ? textOf(found.idempotency_key) : void 0;
  }
  /** Writes down a request that is about to be sent. */
  begin(request, idempotencyKey, now) {
    const { serverUrl, secret, body } = request;
    const at = now.toISOString();
    const submission = {
      server_url: serverUrl,
      api_key_fingerprint: fingerprintOfKey(secret),
      request_fingerprint: fingerprintOf(request),
      idempotency_key: idempotencyKey,
      kind: body.kind,
      status: "submitting",
      prompt: fieldsOf(body.input).prompt,
      recorded_at: at,
      last_seen_at: at
    };
    this.#file.change((entries) => ({ ...entries, [nameOf(request)]: submission }));
  }
  /** Writes down what became of a request. */
  accepted(request, taskId, status, now) {
    this.#file.change((entries) => {
      const name = nameOf(request);
      return { ...entries, [name]: { ...fieldsOf(entries[name]), ...seen(taskId, status, now) } };
    });
  }
  /** Writes down how a task stands, where it was submitted from here. */
  sighted(serverUrl, taskId, status, now) {
    const isIt = (value) => {
      const { task_id, server_url } = fieldsOf(value);
      return task_id === taskId && server_url === serverUrl;
    };
    if (!Object.values(this.#file.entries()).some(isIt)) return;
    this.#file.change(
      (entries) => Object.fromEntries(
        Object.entries(entries).map(([name, value]) => [
          name,
          isIt(value) ? { ...fieldsOf(value), ...seen(taskId, status, now) } : value
        ])
      )
    );
  }
};
function seen(taskId, status, now) {
  return { task_id: taskId, status, last_seen_at: now.toISOString() };
}
function nameOf(request) {
  return [request.serverUrl, fingerprintOfKey(request.secret), fingerprintOf(request)].join("|");
}
function fingerprintOfKey(secret) {
  return createHash("sha256").update(secret).digest("hex");
}
function fingerprintOf({ serverUrl, secret, body }) {
  const said = [serverUrl, fingerprintOfKey(secret), canonicalJson(body)].join("\n");
  return createHash("sha256").update(said).digest("hex");
}

// packages/cli/src/openmarlin/task.ts
var TASKS = "/v1/tasks";
function taskOf(reply) {
  const told = objectOf(reply);
  const id = textOf(told.task_id);
  if (id !== void 0) return { id, status: textOf(told.status) ?? "unknown", told };
  throw new Failure("bad_response", `${reply.method} ${reply.url} answered without a task_id.`);
}
function taskPath(id) {
  return `${TASKS}/${segment(id)}`;
}
function isOver({ status }) {
  return status === "succeeded" || status === "failed";
}
var FIELDS = [
  ["Task ID", "task_id"],
  ["Status", "status"],
  ["Provider", "provider_id"],
  ["Workspace", "workspace_id"],
  ["Created at", "created_at"],
  ["Updated at", "updated_at"],
  ["Started at", "started_at"],
  ["Completed at", "completed_at"],
  ["Error", "error"],
  ["Output", "output"],
  ["Metadata", "metadata"]
];
function printTask(output, { told }) {
  for (const [title, name] of FIELDS) {
    const value = told[name];
    if (value === void 0 || value === null) continue;
    const isDocument = name === "output" || name === "metadata";
    output.line(`${title}: ${isDocument ? lineOfJson(value) : wordOf(value)}`);
  }
}
var BAR_LENGTH = 20;
function progressOf({ id, status, told }) {
  const { metadata } = told;
  const progress = isObject(metadata) ? metadata.progress : void 0;
  const words = [`task ${oneLine(id)}`, oneLine(status)];
  return [...words, ...progress === void 0 ? [] : [shareOf(progress)]].join(" \xB7 ");
}
function shareOf(progress) {
  const share = progress instanceof Numeral ? Number(progress.text) : Number.NaN;
  if (!(share >= 0 && share <= 1)) return wordOf(progress);
  const done = Math.floor(share * BAR_LENGTH);
  const bar = "\u25B0".repeat(done) + "\u25B1".repeat(BAR_LENGTH - done);
  return `${bar} ${Math.floor(share * 100)} %`;
}

// packages/cli/src/openmarlin/task-commands.ts
async function submitTask(client, flags) {
  const { output, origin } = client;
  const given = taskRequestOf(requireBody(flags, "body"));
  const submissions = new Submissions(client.directory);
  const request = { serverUrl: origin.url, secret: client.key.secret, body: given.body };
  const key = keyFor(client, flags, given, submissions, request);
  if (key !== void 0) submissions.begin(request, key, /* @__PURE__ */ new Date());
  const body = { ...given.body, ...key !== void 0 && { idempotency_key: key } };
  const reply = await client.call({ method: "POST", path: TASKS, body });
  if (!reply.isSuccess) return tellRefusal(client, reply, TASK2, flags.has("json"));
  const task = taskOf(reply);
  if (key !== void 0) {
    noteFailure(client, () => submissions.accepted(request, task.id, task.status, /* @__PURE__ */ new Date()));
  }
  if (!flags.has("watch")) return tell(client, flags, "tasks-submit", { reply, task });
  output.note(
    `Task ${oneLine(task.id)} is accepted: ${oneLine(task.status)}. Waiting for its end.`
  );
  return follow(client, flags, "tasks-submit", task.id);
}
function keyFor(client, flags, { idempotencyKey }, submissions, request) {
  const flag = flags.text("idempotency-key");
  if (flag !== void 0) return checkedKey(flag);
  if (idempotencyKey !== void 0) return idempotencyKey;
  if (flags.has("allow-duplicate-submit")) return void 0;
  const window = flags.number("dedupe-window-seconds");
  const recent = submissions.recentKey(request, window, /* @__PURE__ */ new Date());
  if (recent === void 0) return `openclaw-task-${randomBytes2(16).toString("hex")}`;
  client.output.note(
    `The same request was sent less than ${window} s ago: its key ${recent} is used again, so that it is done once. With --allow-duplicate-submit it is done once more.`
  );
  return recent;
}
async function lookAtTask(client, flags) {
  const reply = await look(client, flags.required("task-id"));
  if (!reply.isSuccess) return tellRefusal(client, reply, TASK2, flags.has("json"));
  const task = taskOf(reply);
  sighted(client, task);
  return tell(client, flags, "tasks-status", { reply, task });
}
function watchTask(client, flags) {
  return follow(client, flags, "tasks-watch", flags.required("task-id"));
}
async function follow(client, flags, name, id) {
  let progress = `task ${oneLine(id)}`;
  const polled = poll(
    flags,
    async () => {
      const reply2 = await look(client, id);
      if (!reply2.isSuccess) return { reply: reply2 };
      const task2 = taskOf(reply2);
      progress = progressOf(task2);
      return { reply: reply2, task: task2 };
    },
    ({ task: task2 }) => task2 === void 0 || isOver(task2)
  );
  const seen2 = await client.output.waiting(() => progress, polled).catch((error) => {
    throw new Failure(
      "watch",
      `${oneLine(messageOf(error))} The task goes on; to look again: ${next(id)}`
    );
  });
  const { reply, task } = seen2.value;
  if (!task) return tellRefusal(client, reply, TASK2, flags.has("json"));
  sighted(client, task);
  if (seen2.isOver) return tell(client, flags, name, { reply, task });
  throw new Failure(
    "timeout",
    `The task is still ${oneLine(task.status)} after ${flags.required("timeout-seconds")} s, and goes on. To wait longer: ${next(id)}`
  );
}
function look(client, id) {
  return client.call({ method: "GET", path: taskPath(id) });
}
function next(id) {
  return scriptCommand("platform_request", ["tasks-watch", "--task-id", id]);
}
function sighted(client, { id, status }) {
  noteFailure(
    client,
    () => new Submissions(client.directory).sighted(client.origin.url, id, status, /* @__PURE__ */ new Date())
  );
}
function tell(client, flags, name, { reply, task }) {
  if (flags.has("json")) client.output.json(answered(client, reply, TASK2));
  else {
    client.output.line(`Command: ${name}`);
    printTask(client.output, task);
  }
  return 0;
}

// packages/cli/src/openmarlin/platform-request.ts
var SHARED = {
  ...WITH_KEY,
  provider: { value: "ID", about: "the provider of an execution" },
  label: { value: "NAME=VALUE", about: "a label for routing an execution", isRepeatable: true }
};
var WATCH_SECONDS = "1800.0";
var TASK3 = {
  "task-id": { value: "ID", about: "the task", isRequired: true }
};
function command(name, { about, flags, preview, run }) {
  return {
    about,
    flags: { ...flags, ...SHARED },
    run(surroundings) {
      const client = new Client(surroundings);
      if (!surroundings.flags.has("dry-run")) return run(client, surroundings.flags);
      const provider = findProvider(client.settings, surroundings.flags);
      return dryRun(surroundings.output, surroundings.flags, {
        ...{ command: name, origin: client.origin, wire: client.wire, key: client.aboutKey() },
        facts: {
          provider_override: provider?.value ?? null,
          provider_source: provider?.source ?? null,
          labels: findLabels(client.settings, surroundings.flags),
          ...preview(surroundings.flags, client)
        }
      });
    }
  };
}
function previewExecution(flags, { settings }) {
  const { body } = executionRequestOf(requireBody(flags, "body"), settings, flags);
  const { kind = "agent_run", model = null, stream = false, instruction } = body;
  const has_instruction = textOf(instruction) !== void 0;
  return { request_preview: { kind, model, stream, has_instruction } };
}
function previewTask(flags) {
  const { body } = taskRequestOf(requireBody(flags, "body"));
  return { request_preview: { kind: body.kind, has_prompt: true }, watch: flags.has("watch") };
}
async function listModels(client, flags) {
  const reply = await client.call({ method: "GET", path: "/v1/models" });
  const isJson = flags.has("json");
  if (!reply.isSuccess) return tellRefusal(client, reply, UNROUTED, isJson);
  const models = itemsOf(objectOf(reply).data);
  if (isJson) client.output.json(answered(client, reply, UNROUTED));
  else {
    client.output.line("Command: models");
    client.output.line(`Exact models: ${models.length}`);
    for (const line of modelLines(models)) client.output.line(line);
  }
  return 0;
}
await main({
  name: "platform_request",
  about: "Executions, long-running tasks and models of an OpenMarlin server.",
  before: SHARED,
  commands: {
    executions: command("executions", {
      about: "Have an instruction carried out, and wait for the answer.",
      flags: bodyFlags("body", "the request: instruction, and what else it takes"),
      preview: previewExecution,
      run: runExecution
    }),
    "tasks-submit": command("tasks-submit", {
      about: "Submit a long-running task.",
      flags: {
        ...bodyFlags("body", "the request: kind, input and metadata"),
        watch: { about: "wait until it has succeeded or failed" },
        ...pollFlags(WATCH_SECONDS),
        "dedupe-window-seconds": {
          value: "S",
          about: "how long the same request is taken for a repetition",
          number: { min: 0 },
          otherwise: "120.0"
        },
        "allow-duplicate-submit": { about: "have the same done once more" },
        "idempotency-key": { value: "KEY", about: "your own name of this request" }
      },
      preview: previewTask,
      run: submitTask
    }),
    "tasks-status": command("tasks-status", {
      about: "Look at a task once.",
      flags: TASK3,
      preview: (flags) => ({ task_id: flags.required("task-id"), operation: "status" }),
      run: lookAtTask
    }),
    "tasks-watch": command("tasks-watch", {
      about: "Look at a task until it has succeeded or failed.",
      flags: { ...TASK3, ...pollFlags(WATCH_SECONDS) },
      preview: (flags) => ({ task_id: flags.required("task-id"), operation: "watch" }),
      run: watchTask
    }),
    models: command("models", {
      about: "List the models that there are, and who has them.",
      flags: {},
      preview: () => ({ operation: "list" }),
      run: listModels
    })
  }
});

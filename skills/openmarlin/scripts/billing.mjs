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
function itemsOf(value) {
  return Array.isArray(value) ? value : [];
}
function textOf(value) {
  return typeof value === "string" && value.trim() !== "" ? value : void 0;
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
async function spin(stream, line2, paint, label, work) {
  if (stream.isTTY !== true) return work;
  const startedMs = performance.now();
  let frame = 0;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < QUIET_MS) return;
    const sign = paint.accent(FRAMES[frame++ % FRAMES.length] ?? "");
    const words = typeof label === "string" ? label : label();
    line2.show(`${sign} ${words} ${paint.dim(elapsed(elapsedMs))}`);
  }, FRAME_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    line2.hide();
  }
}
function elapsed(milliseconds) {
  const seconds = Math.floor(milliseconds / 1e3);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
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
  const line2 = oneLine(text);
  return line2.length > TEXT_LENGTH_MAX ? `${line2.slice(0, TEXT_LENGTH_MAX)}\u2026` : line2;
}

// packages/cli/src/openmarlin/own-script.ts
import { dirname, isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
var HERE = dirname(fileURLToPath(import.meta.url));
function scriptCommand(script, args) {
  const path = join(HERE, `${script}.mjs`);
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

// packages/cli/src/openmarlin/billing-lines.ts
function printShortfall(output, shortfall, storedAt) {
  const { message, workspaceId, current, required, missing } = shortfall;
  output.line(message ?? "The balance of the workspace does not suffice for this request.");
  output.field("Workspace ID", workspaceId);
  output.line(`Current balance: ${amountText(current)}`);
  output.line(`Required balance: ${amountText(required)}`);
  output.line(`Shortfall: ${amountText(missing)}`);
  output.line("Recovery: this is mended by a top-up, after which the request can be sent again.");
  for (const command2 of recoveryCommands(shortfall)) output.line(`  ${command2}`);
  output.line(`Billing state path: ${storedAt}`);
}
var NEXT = {
  pending_payment: (id) => `Open the checkout URL in a browser and pay: that is the only step outside. Then: ${scriptCommand("billing", ["watch", "--session-id", id])}`,
  credit_applied: () => "The payment has arrived and is part of the balance.",
  payment_failed: () => "The payment failed or was given up, and nothing was charged. Create another top-up to try again."
};
function printTopup(output, told, refreshed) {
  const requested = amountOf(told.requested_amount);
  output.field("Top-up session ID", told.topup_session_id);
  output.field("Workspace ID", told.workspace_id);
  output.field("Requested amount", requested && amountText(requested));
  output.field("Status", told.status);
  output.field("Created at", told.created_at);
  output.field("Completed at", told.completed_at);
  output.field("Stripe reference", told.stripe_reference);
  output.field("Checkout URL", told.checkout_url);
  output.field("Credited ledger entry ID", told.credited_ledger_entry_id);
  const status = textOf(told.status) ?? "";
  const next = Object.hasOwn(NEXT, status) ? NEXT[status] : void 0;
  if (next) output.line(`Next: ${next(textOf(told.topup_session_id) ?? "<unknown>")}`);
  if (!refreshed) return;
  const balance = refreshed.balance && amountOf(refreshed.balance);
  if (!balance) output.line("Refreshed balance: <unknown>");
  else {
    const estimated = refreshed.balance?.estimated === true ? "yes" : "no";
    output.line(`Refreshed balance: ${amountText(balance)} (estimated=${estimated})`);
  }
}
var AUTHORITATIVE = "authoritative_balance_api";
function printBalance(output, snapshot, path) {
  const { source, estimated, message, required_amount, reference } = snapshot;
  const known = amountOf(snapshot);
  const title = source === AUTHORITATIVE ? "Authoritative balance" : "Last known balance";
  const required = amountOf({ amount: required_amount, unit: snapshot.unit });
  output.field("Workspace ID", snapshot.workspace_id);
  output.field(title, known && amountText(known));
  output.field("Observed at", snapshot.observed_at);
  output.field("Source", source);
  output.line(`Estimated: ${estimated === true ? "yes" : "no"}`);
  const updatedAt = fieldsOf(reference).updated_at;
  if (updatedAt) output.field("Server updated at", updatedAt);
  if (required) output.line(`Required balance from last 402: ${amountText(required)}`);
  if (message) output.field("Message", message);
  output.line(`Billing state path: ${path}`);
}
function historyLine(topup) {
  const requested = amountOf(topup.requested_amount);
  return line(`- ${wordOf(topup.topup_session_id)}`, {
    workspace: topup.workspace_id,
    status: topup.status,
    amount: requested && amountText(requested),
    credited_ledger_entry_id: topup.credited_ledger_entry_id
  });
}
function usageLine(event) {
  const { created_at, capability, status, provider_id, request_id, measured_units, settlement } = fieldsOf(event);
  const units = fieldsOf(measured_units).requests ?? measured_units;
  return line(`- ${wordOf(created_at)}`, {
    ...{ capability, status, provider: provider_id, request: request_id, units },
    ...debits(fieldsOf(settlement))
  });
}
function debits(settlement) {
  const amounts = {
    final_debit: amountOf(settlement.convertedFinalDebit ?? settlement),
    final_total: amountOf(settlement.finalTotal),
    provider_subtotal: amountOf(settlement.providerReportedSubtotal),
    platform_fee: amountOf(settlement.platformFeeTotal)
  };
  const known = Object.entries(amounts).flatMap(
    ([name, amount]) => amount ? [[name, amountText(amount)]] : []
  );
  return Object.fromEntries(known);
}
function ledgerLine(entry) {
  const { created_at, type, status, amount, reference_id } = fieldsOf(entry);
  const booked = amountOf(amount);
  return line(`- ${wordOf(created_at)}`, {
    ...{ type, status, amount: booked && amountText(booked), reference_id }
  });
}
function line(start, facts) {
  const words = Object.entries(facts).map(([name, value]) => `${name}=${wordOf(value)}`);
  return [start, ...words].join(" ");
}
function newest(items, name, limit) {
  const at = (item) => textOf(item[name]) ?? "";
  return itemsOf(items).map(fieldsOf).sort((one, other) => Number(at(one) < at(other)) - Number(at(one) > at(other))).slice(0, Math.max(limit, 0));
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
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs";
import { basename, dirname as dirname2, join as join2 } from "node:path";
var DIRECTORY_MODE = 448;
var FILE_MODE = 384;
var VERSION = 1;
function stateDirectory(settings, agentId) {
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(agentId) || /^\.+$/.test(agentId)) {
    throw new Failure("invalid_agent_id", `${JSON.stringify(agentId)} is no name of an agent.`);
  }
  const named = settings.find("OPENCLAW_STATE_DIR")?.value;
  const root = named?.replace(/^~(?=\/|$)/, settings.home) ?? join2(settings.home, ".openclaw");
  return join2(root, "agents", agentId, "agent");
}
var StateFile = class {
  path;
  #part;
  constructor(directory, name, part) {
    this.path = join2(directory, name);
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
    const directory = dirname2(this.path);
    const name = `.${basename(this.path)}.${randomBytes(6).toString("hex")}.tmp`;
    const temporary = join2(directory, name);
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

// packages/cli/src/openmarlin/billing-refusal.ts
function shortfallIn(body) {
  const shortfall = shortfallOf(body);
  if (!shortfall) {
    throw new Failure(
      "invalid_response",
      "That is no insufficient_balance refusal: it needs error_code, current_balance and required_balance in one unit."
    );
  }
  if (shortfall.workspaceId !== void 0) return shortfall;
  throw new Failure("invalid_response", "The refusal names no workspace_id.");
}
function tellRefusal(client, reply, isJson) {
  if (isJson) client.output.json(refused(reply, client.key));
  else client.output.note(wordsOf(reply));
  return 1;
}
function wordsOf(reply) {
  if (reply.status < 400) return refusal(reply).message;
  const code = codeOf(reply.json);
  const said = isObject(reply.json) ? textOf(reply.json.message) : void 0;
  return [
    `HTTP ${reply.status} ${code ?? "without a code"}: ${explain(code, false)}`,
    ...said === void 0 ? [] : [`The server says: ${shortened(said)}`],
    ...reply.json === void 0 ? [`It answered with ${kindOf(reply)}.`] : []
  ].join(" ");
}

// packages/cli/src/openmarlin/activity-commands.ts
async function showActivity(client, flags) {
  const { output } = client;
  const isJson = flags.has("json");
  const limit = flags.number("limit");
  const replies = [];
  for (const path of ["/v1/usage-events", "/v1/ledger"]) {
    const reply = await client.call({ method: "GET", path });
    if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
    replies.push(reply);
  }
  const [usage, ledger] = replies.map((reply) => ({
    status: reply.status,
    items: newest(listOf(reply), "created_at", limit)
  }));
  if (isJson) {
    output.json({
      ...{ ok: true, api_key_source: client.key.source },
      ...{ usage_events_status: usage?.status, usage_events: usage?.items },
      ...{ ledger_status: ledger?.status, ledger_entries: ledger?.items }
    });
    return 0;
  }
  output.line(`API key source: ${client.key.source}`);
  printList(client, "Recent usage events:", usage?.items ?? [], usageLine);
  printList(client, "Recent ledger entries:", ledger?.items ?? [], ledgerLine);
  return 0;
}
function listOf(reply) {
  const { data } = objectOf(reply);
  if (Array.isArray(data)) return data;
  throw new Failure("bad_response", `${reply.url} answered without a list.`);
}
function printList({ output }, title, items, lineOf) {
  output.line(title);
  for (const item of items) output.line(lineOf(item));
  if (items.length === 0) output.line("none");
}
var COUNTS = ["signed_up_count", "qualified_count", "rewarded_count"];
async function showReferral(client, flags) {
  const { output } = client;
  const isJson = flags.has("json");
  const reply = await client.call({ method: "GET", path: "/v1/referrals/me" });
  if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
  const referral = objectOf(reply);
  const summary = fieldsOf(referral.summary);
  if (textOf(referral.referral_code) === void 0 || !COUNTS.every((name) => isCount(summary[name]))) {
    throw new Failure("bad_response", `${reply.url} answered with an invalid referral.`);
  }
  if (isJson) {
    output.json({
      ...{ ok: true, status: reply.status, api_key_source: client.key.source, referral }
    });
    return 0;
  }
  output.line(`API key source: ${client.key.source}`);
  output.field("Referral code", referral.referral_code);
  output.field("Referral link", referral.referral_link);
  const [signedUp, qualified, rewarded] = COUNTS.map((name) => summary[name].text);
  output.line(
    `Attribution summary: signed_up=${signedUp} qualified=${qualified} rewarded=${rewarded}`
  );
  return 0;
}
function isCount(value) {
  return value instanceof Numeral && /^\d+$/.test(value.text);
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
function balanceOf(told) {
  const workspaceId = textOf(told.workspace_id);
  const available = amountOf(told.available_balance);
  if (workspaceId === void 0 || available === void 0) return void 0;
  return { workspaceId, ...available, updatedAt: textOf(told.updated_at) };
}
function snapshotOfBalance(balance, now) {
  const { workspaceId, amount, unit, updatedAt } = balance;
  return {
    workspace_id: workspaceId,
    amount: amount.toFloat(),
    unit,
    observed_at: now.toISOString(),
    source: "authoritative_balance_api",
    estimated: false,
    ...updatedAt !== void 0 && { reference: { updated_at: updatedAt } }
  };
}
function snapshotAfterTopup(before, topup, now) {
  const known = decimalOf(before?.amount);
  const added = amountOf(topup.requested_amount);
  const reference = fieldsOf(before?.reference);
  const isCounted = reference.topup_session_id === topup.topup_session_id;
  if (!before || !known || !added || added.unit !== before.unit || isCounted) return void 0;
  return {
    workspace_id: before.workspace_id,
    amount: known.plus(added.amount).toFloat(),
    unit: added.unit,
    observed_at: now.toISOString(),
    source: "topup_session_credit_applied",
    estimated: before.estimated ?? true,
    reference: {
      topup_session_id: topup.topup_session_id,
      credited_ledger_entry_id: topup.credited_ledger_entry_id,
      base_observed_at: before.observed_at
    }
  };
}

// packages/cli/src/openmarlin/body.ts
import { readFileSync as readFileSync3 } from "node:fs";
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
    return readFileSync3(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new Failure("file_unreadable", `${path} cannot be read: ${messageOf(error)}`);
  }
}

// packages/cli/src/openmarlin/topup.ts
var SESSIONS = "/v1/topup/sessions";
function openTopup(client, amount) {
  const body = { amount: new Numeral(amount.toString()) };
  return client.call({ method: "POST", path: SESSIONS, body });
}
function lookAtTopup(client, id) {
  return client.call({ method: "GET", path: `${SESSIONS}/${segment(id)}` });
}
function rememberTopup(client, state, told) {
  const workspaceId = textOf(told.workspace_id);
  const id = textOf(told.topup_session_id);
  if (workspaceId === void 0 || id === void 0) {
    client.output.note("The server told a top-up without its ids: it is not remembered here.");
    return void 0;
  }
  return noteFailure(client, () => {
    state.keepTopup(workspaceId, id, told, /* @__PURE__ */ new Date());
    return { billing_state_path: state.path, workspace_id: workspaceId, topup_session_id: id };
  });
}
async function refreshBalance(client, state, topup) {
  const reply = await client.call({ method: "GET", path: "/v1/balance" }).catch((error) => {
    client.output.note(oneLine(messageOf(error)));
    return void 0;
  });
  const answered = { status: reply?.status ?? null, response: reply?.json ?? reply?.text ?? null };
  const told = reply?.isSuccess ? balanceOf(fieldsOf(reply.json)) : void 0;
  const workspaceId = told?.workspaceId ?? textOf(topup.workspace_id);
  if (workspaceId === void 0) return { ...answered, balance: void 0 };
  const balance = noteFailure(client, () => {
    const now = /* @__PURE__ */ new Date();
    const before = state.snapshot(workspaceId);
    const after = told ? snapshotOfBalance(told, now) : snapshotAfterTopup(before, topup, now);
    if (after) state.keepSnapshot(workspaceId, after);
    return after ?? before;
  });
  return { ...answered, balance };
}
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
function rememberShortfall(client, shortfall) {
  const { workspaceId } = shortfall;
  if (workspaceId === void 0) return void 0;
  return noteFailure(client, () => {
    const state = new BillingState(client.directory);
    state.keepSnapshot(workspaceId, snapshotOfShortfall(shortfall, /* @__PURE__ */ new Date()));
    return state.path;
  });
}

// packages/cli/src/openmarlin/balance-commands.ts
async function showBalance(client, flags) {
  const { output } = client;
  const isJson = flags.has("json");
  const body = findBody(flags, "response");
  const shortfall = body && shortfallIn(body);
  if (shortfall) rememberShortfall(client, shortfall);
  const wanted = textOf(flags.text("workspace-id")) ?? shortfall?.workspaceId;
  const state = new BillingState(client.directory);
  const { metadata } = client.key;
  const answer = await client.call({ method: "GET", path: "/v1/balance" }).catch(wordsOfFailure);
  const told = typeof answer !== "string" && answer.isSuccess && balanceOf(fieldsOf(answer.json));
  if (typeof answer === "string" || !told) {
    const known = lastKnown(client, state, wanted ?? textOf(metadata.workspace_id));
    return tellLastKnown(client, answer, state, known, isJson);
  }
  if (wanted !== void 0 && wanted !== told.workspaceId) {
    output.note(`The key belongs to workspace ${told.workspaceId}, not to ${wanted}.`);
  }
  const snapshot = snapshotOfBalance(told, /* @__PURE__ */ new Date());
  noteFailure(client, () => state.keepSnapshot(told.workspaceId, snapshot));
  if (!isJson) printBalance(output, snapshot, state.path);
  else {
    output.json({
      ...{ ok: true, status: answer.status, api_key_source: client.key.source },
      ...{ response: answer.json ?? null, billing_state_path: state.path, balance: snapshot }
    });
  }
  return 0;
}
function wordsOfFailure(error) {
  return oneLine(messageOf(error));
}
function lastKnown(client, state, workspaceId) {
  if (workspaceId === void 0) return void 0;
  return noteFailure(client, () => state.snapshot(workspaceId));
}
function tellLastKnown({ key, output }, answer, state, known, isJson) {
  if (isJson) {
    const failed = typeof answer === "string" ? { ok: false, status: null, api_key_source: key.source, response: null, message: answer } : refused(answer, key);
    output.json({ ...failed, billing_state_path: state.path, fallback_balance: known ?? null });
    return 1;
  }
  output.note(whyNot(answer));
  if (known) {
    output.line("The server did not tell the balance. What was last known of it:");
    printBalance(output, known, state.path);
  }
  return 1;
}
function whyNot(answer) {
  if (typeof answer === "string") return answer;
  return answer.isSuccess ? "The server's answer is no balance." : wordsOf(answer);
}
async function showHistory(client, flags) {
  const state = new BillingState(client.directory);
  const workspaceId = textOf(flags.text("workspace-id"));
  const byTime = newest(state.topups(workspaceId), "created_at", flags.number("limit"));
  if (flags.has("json")) {
    client.output.json({ ok: true, billing_state_path: state.path, sessions: byTime });
    return 0;
  }
  client.output.line(`Top-ups that were seen here (${state.path}), the newest first:`);
  for (const topup of byTime) client.output.line(historyLine(topup));
  if (byTime.length === 0) client.output.line("none");
  return 0;
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
  const line2 = text.replaceAll(SECRET, "\u2026").replaceAll(/\s+/g, " ");
  return JSON.stringify(line2.length > 40 ? `${line2.slice(0, 40)}\u2026` : line2);
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
      output.note(usageLine2(program, name, command2));
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
function usageLine2({ name, before, commands }, word, command2) {
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
    usageLine2(program),
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
    usageLine2(program, name, command2),
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

// packages/cli/src/openmarlin/topup-commands.ts
function keep(client, shortfall) {
  const path = rememberShortfall(client, shortfall);
  if (path !== void 0) return path;
  throw new Failure("state_file", "The balance could not be written down.");
}
async function explain402(client, flags) {
  const { output } = client;
  const isJson = flags.has("json");
  const shortfall = shortfallIn(requireBody(flags, "response"));
  const stored = keep(client, shortfall);
  const told = {
    recovery: recoveryOf(shortfall),
    commands: recoveryCommands(shortfall),
    stored: { billing_state_path: stored, workspace_id: shortfall.workspaceId }
  };
  if (!isJson) printShortfall(output, shortfall, stored);
  if (!flags.has("auto-recover")) {
    if (isJson) output.json(told);
    return 0;
  }
  const reply = await openTopup(client, shortfall.topup.amount);
  if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
  const topup = objectOf(reply);
  const session = rememberTopup(client, new BillingState(client.directory), topup);
  if (isJson) output.json({ ...told, auto_recovered: topup, stored_session: jsonOf(session) });
  else printTopup(output, topup);
  return 0;
}
async function createTopup(client, flags) {
  const reply = await openTopup(client, amountFor(client, flags));
  return tellTopup(client, flags, reply);
}
function amountFor(client, flags) {
  const named = flags.text("amount");
  const body = findBody(flags, "response");
  if (named !== void 0 && body)
    throw usageFailure("Give either --amount or a response, not both.");
  const amount = named === void 0 ? void 0 : Decimal.of(named);
  if (amount) return amount;
  if (!body) throw usageFailure("Give --amount, --response-json or --response-file.");
  const shortfall = shortfallIn(body);
  rememberShortfall(client, shortfall);
  return shortfall.topup.amount;
}
async function topupStatus(client, flags) {
  return tellTopup(client, flags, await lookAtTopup(client, flags.required("session-id")));
}
async function watchTopup(client, flags) {
  const id = flags.required("session-id");
  let status = "";
  const polled = poll(
    flags,
    async () => {
      const reply = await lookAtTopup(client, id);
      status = reply.isSuccess ? textOf(objectOf(reply).status) ?? "unknown" : "";
      return { reply, status };
    },
    (seen) => !seen.reply.isSuccess || isOver(seen.status)
  );
  const label = () => `waiting for the payment \xB7 ${oneLine(status)}`;
  const { value, isOver: isDone } = await client.output.waiting(label, polled);
  if (isDone) return tellTopup(client, flags, value.reply);
  rememberTopup(client, new BillingState(client.directory), objectOf(value.reply));
  throw new Failure(
    "timeout",
    `The top-up is still ${oneLine(value.status)} after ${flags.required("timeout-seconds")} s. To wait longer: ${scriptCommand("billing", ["watch", "--session-id", id])}`
  );
}
function isOver(status) {
  return status === "credit_applied" || status === "payment_failed";
}
async function tellTopup(client, flags, reply) {
  const isJson = flags.has("json");
  if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
  const topup = objectOf(reply);
  const state = new BillingState(client.directory);
  const stored = rememberTopup(client, state, topup);
  const isPaid = topup.status === "credit_applied";
  const refreshed = isPaid ? await refreshBalance(client, state, topup) : void 0;
  if (!isJson) printTopup(client.output, topup, refreshed);
  else {
    client.output.json({
      ...{ ok: true, status: reply.status, api_key_source: client.key.source, response: topup },
      stored_session: jsonOf(stored),
      ...refreshed && refreshedJson(refreshed)
    });
  }
  return 0;
}
function refreshedJson({ status, response, balance }) {
  return {
    authoritative_balance_status: status,
    authoritative_balance_response: response ?? null,
    refreshed_balance: balance ?? null
  };
}
function jsonOf(stored) {
  return stored ? { ...stored } : null;
}

// packages/cli/src/openmarlin/billing.ts
var WATCH_SECONDS = "300.0";
var RESPONSE = bodyFlags("response", "the refusal for lack of balance, as it came");
var WORKSPACE = { "workspace-id": { value: "ID", about: "the workspace" } };
var SESSION = {
  "session-id": { value: "ID", about: "the top-up", isRequired: true }
};
var LIMIT = {
  limit: { value: "N", about: "no more than so many", number: { isWhole: true }, otherwise: "10" }
};
function command(name, { about, flags, isLocal, run }) {
  return {
    about,
    flags: { ...flags, ...WITH_KEY },
    run({ flags: given, ...surroundings }) {
      const client = new Client({ flags: given, ...surroundings });
      if (!given.has("dry-run")) return run(client, given);
      const hasKey = !isLocal?.(given);
      return dryRun(surroundings.output, given, {
        ...{ command: name, origin: client.origin, wire: client.wire },
        ...hasKey && { key: client.aboutKey() },
        facts: previewOf(flags, given)
      });
    }
  };
}
function previewOf(table, given) {
  const names = Object.keys(table).filter((name) => table[name]?.value !== void 0);
  const known = names.flatMap((name) => {
    const value = given.text(name);
    return value === void 0 ? [] : [[name.replaceAll("-", "_"), value]];
  });
  return Object.fromEntries(known);
}
await main({
  name: "billing",
  about: "Balance, top-ups, activity and referrals of an OpenMarlin workspace.",
  before: WITH_KEY,
  commands: {
    "explain-402": command("explain-402", {
      about: "Say what a refusal for lack of balance means, and how to mend it.",
      flags: { ...RESPONSE, "auto-recover": { about: "create the top-up at once" } },
      isLocal: (flags) => !flags.has("auto-recover"),
      run: explain402
    }),
    "create-topup": command("create-topup", {
      about: "Create a top-up: by an amount, or by what a refusal says is missing.",
      flags: {
        amount: { value: "N", about: "in credits", number: { min: 0, isAbove: true } },
        ...RESPONSE
      },
      run: createTopup
    }),
    balance: command("balance", {
      about: "Show the balance; where the server does not tell it, the last known one.",
      flags: { ...WORKSPACE, ...RESPONSE },
      run: showBalance
    }),
    history: command("history", {
      about: "List the top-ups that were seen from here.",
      flags: { ...WORKSPACE, ...LIMIT },
      isLocal: () => true,
      run: showHistory
    }),
    activity: command("activity", {
      about: "List what was used and what was booked lately.",
      flags: LIMIT,
      run: showActivity
    }),
    "referral-link": command("referral-link", {
      about: "Show your referral code and link, and what came of them.",
      flags: {},
      run: showReferral
    }),
    status: command("status", {
      about: "Look at a top-up once.",
      flags: SESSION,
      run: topupStatus
    }),
    watch: command("watch", {
      about: "Look at a top-up until it is paid or has failed.",
      flags: { ...SESSION, ...pollFlags(WATCH_SECONDS) },
      run: watchTopup
    })
  }
});

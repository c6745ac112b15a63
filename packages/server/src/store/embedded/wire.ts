/**
 * The little of PostgreSQL's wire protocol that the multiplexer has to understand: where a message
 * ends, which messages end a batch, and where names of prepared statements stand.
 */

/** Types of messages that clients send. */
export const FROM_CLIENT = {
  query: "Q",
  parse: "P",
  bind: "B",
  describe: "D",
  execute: "E",
  close: "C",
  sync: "S",
  flush: "H",
  functionCall: "F",
  terminate: "X",
} as const;

/** Messages after which a client waits for an answer. */
const BATCH_ENDS: ReadonlySet<string> = new Set([
  FROM_CLIENT.query,
  FROM_CLIENT.sync,
  FROM_CLIENT.flush,
  FROM_CLIENT.functionCall,
]);

/** The protocol itself allows 1 GB. A statement with its parameters that is larger is a bug of ours. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const PROTOCOL_3 = 3 << 16;
const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;

/** One message: its type (empty for those before a session starts) and all of its bytes. */
export interface Message {
  type: string;
  bytes: Buffer;
}

export function endsBatch(message: Message): boolean {
  return BATCH_ENDS.has(message.type);
}

/** Cuts a client's bytes into messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  #hasStarted = false;

  /** The messages that `chunk` completes. Throws when what comes is not the protocol. */
  read(chunk: Buffer): Message[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Message[] = [];
    let start = 0;
    for (;;) {
      const typeBytes = this.#hasStarted ? 1 : 0;
      if (bytes.length < start + typeBytes + 4) break;
      const length = bytes.readUInt32BE(start + typeBytes);
      if (length < 4 || length > MESSAGE_BYTES_MAX)
        throw new Error("not a message of PostgreSQL's");
      const end = start + typeBytes + length;
      if (bytes.length < end) break;
      const message = { type: "", bytes: bytes.subarray(start, end) };
      if (this.#hasStarted) message.type = String.fromCharCode(bytes[start] ?? 0);
      else this.#hasStarted = isStartup(message.bytes);
      messages.push(message);
      start = end;
    }
    this.#rest = bytes.subarray(start);
    return messages;
  }
}

function isStartup(bytes: Buffer): boolean {
  const code = bytes.readUInt32BE(4);
  return code !== SSL_REQUEST && code !== GSS_REQUEST && code !== CANCEL_REQUEST;
}

/** Whether a client asks for encryption before it starts; the answer is one byte. */
export function asksForEncryption(message: Message): boolean {
  const code = message.bytes.readUInt32BE(4);
  return code === SSL_REQUEST || code === GSS_REQUEST;
}

export function asksToCancel(message: Message): boolean {
  return message.bytes.readUInt32BE(4) === CANCEL_REQUEST;
}

/** The statement that a message names: `undefined` if none, `""` for the unnamed one. */
export function statementNameOf({ type, bytes }: Message): string | undefined {
  if (type === FROM_CLIENT.parse) return textAt(bytes, 5);
  if (type === FROM_CLIENT.bind) return textAt(bytes, afterText(bytes, 5));
  const isOfStatement = bytes[5] === "S".charCodeAt(0);
  if ((type === FROM_CLIENT.describe || type === FROM_CLIENT.close) && isOfStatement) {
    return textAt(bytes, 6);
  }
  return undefined;
}

/** The same message, naming another statement. */
export function renameStatement({ type, bytes }: Message, name: string): Buffer {
  let start = 6;
  if (type === FROM_CLIENT.parse) start = 5;
  if (type === FROM_CLIENT.bind) start = afterText(bytes, 5);
  return message(
    type,
    bytes.subarray(5, start),
    text(name),
    bytes.subarray(afterText(bytes, start)),
  );
}

/** The SQL in a query or a parse message; empty in any other. */
export function sqlOf({ type, bytes }: Message): string {
  if (type === FROM_CLIENT.query) return textAt(bytes, 5);
  if (type === FROM_CLIENT.parse) return textAt(bytes, afterText(bytes, 5));
  return "";
}

/** What begins a session. The embedded engine has one user and one database. */
export function startupMessage(): Buffer {
  const body = Buffer.from("user\0postgres\0database\0postgres\0\0");
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.length + body.length);
  head.writeUInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, body]);
}

export function syncMessage(): Buffer {
  return message(FROM_CLIENT.sync);
}

export function queryMessage(sql: string): Buffer {
  return message(FROM_CLIENT.query, text(sql));
}

export function closeStatementMessage(name: string): Buffer {
  return message(FROM_CLIENT.close, text(`S${name}`));
}

/** What a client sends in place of the rows of a COPY; ignored where there is no COPY. */
export function copyFailMessage(reason: string): Buffer {
  return message("f", text(reason));
}

/** The last thing a client hears before its connection is closed. */
export function fatalMessage(sqlState: string, reason: string): Buffer {
  const fields = [`SFATAL`, `VFATAL`, `C${sqlState}`, `M${reason}`];
  return message("E", ...fields.map(text), Buffer.of(0));
}

/** The transaction status in the ready-for-query that ends an answer, if one does. */
export function readyStatusOf(answer: Buffer): string | undefined {
  const at = answer.length - 6;
  const isReady = at >= 0 && answer[at] === "Z".charCodeAt(0) && answer.readUInt32BE(at + 1) === 5;
  return isReady ? String.fromCharCode(answer[at + 5] ?? 0) : undefined;
}

/** An answer without its messages of one type. */
export function withoutMessages(answer: Buffer, type: string): Buffer {
  const kept: Buffer[] = [];
  for (let start = 0; start < answer.length; ) {
    const end = start + 1 + answer.readUInt32BE(start + 1);
    if (answer[start] !== type.charCodeAt(0)) kept.push(answer.subarray(start, end));
    start = end;
  }
  return Buffer.concat(kept);
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeUInt32BE(
    parts.reduce((length, part) => length + part.length, 4),
    1,
  );
  return Buffer.concat([head, ...parts]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function textAt(bytes: Buffer, start: number): string {
  return bytes.toString("utf8", start, afterText(bytes, start) - 1);
}

function afterText(bytes: Buffer, start: number): number {
  return bytes.indexOf(0, start) + 1;
}

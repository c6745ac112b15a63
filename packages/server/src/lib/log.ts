import { type DestinationStream, type Logger, pino } from "pino";

/** Structured logging: one JSON line an event, context first, words second. */
export type Log = Pick<Logger, "trace" | "debug" | "info" | "warn" | "error" | "fatal"> & {
  child(bindings: Record<string, unknown>): Log;
};

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Anything that looks like a key of one of the wires, wherever in a string it stands. */
const SECRET = /\b((?:lc|gld|shk|mrg|cllk_live|claw_wsk)_)[A-Za-z0-9]{8,}/g;

/** Fields that are never written, however deep a caller puts them. */
const REDACTED = [
  "authorization",
  "cookie",
  "apiKey",
  "api_key",
  "key",
  "secret",
  "password",
  "token",
];

/** Replaces whatever looks like a secret in text that people or programs will read. */
export function redact(text: string): string {
  return text.replace(SECRET, "$1[redacted]");
}

/**
 * A log that writes to `destination` (standard output unless told otherwise). Secrets are redacted
 * twice: by the names of fields, and by shape in the finished line.
 */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const target = destination ?? pino.destination(1);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {
        error: pino.stdSerializers.errWithCause,
        err: pino.stdSerializers.errWithCause,
      },
      redact: {
        paths: REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: "[redacted]",
      },
    },
    { write: (line: string) => void target.write(redact(line)) },
  );
}

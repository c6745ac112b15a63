/**
 * Schemas of what capabilities take and give: kept by the server, addressed by the SHA-256 of their
 * bytes, so that a reader can check that he got the one that was meant.
 */

export const SCHEMA_LIMITS = {
  /** One schema. Those that people write have a few kilobytes. */
  bytesMax: 256 * 1024,
  /** All that one workspace has brought first. They are kept for good: old work refers to them. */
  workspaceBytesMax: 8 * 1024 * 1024,
  workspaceSchemasMax: 500,
  /** From the name lookup to the last byte (LinkedClaw contract §13). */
  fetchMsMax: 10_000,
} as const;

const DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/i;

/** The digest in the form in which it is stored, 64 lower-case hex; `undefined` where it is none. */
export function parseDigest(text: string): string | undefined {
  return DIGEST.exec(text)?.[1]?.toLowerCase();
}

/**
 * Why a server ends a provider's connection, and the WebSocket close code that says so. The codes
 * are those of LinkedClaw contract §7.3 where it names one; both provider wires use them.
 */
// biome-ignore format: read as a table
export const LINK_CLOSINGS = {
  /** No key, a wrong one, or one that was revoked. */
  unauthenticated:   { code: 4001, isFinal: true },
  /** What came was not this protocol. */
  protocol_error:    { code: 4002, isFinal: false },
  /** The key may not act for this agent. */
  forbidden:         { code: 4003, isFinal: true },
  /** There is no such agent. */
  not_found:         { code: 4004, isFinal: true },
  /** The operator suspended the workspace or the agent. */
  suspended:         { code: 4005, isFinal: false },
  /** The server does not speak this version of the protocol. */
  version_mismatch:  { code: 4006, isFinal: true },
  /** Nobody identified in time. */
  identify_timeout:  { code: 4008, isFinal: false },
  /** A newer connection of the same agent took over. */
  replaced:          { code: 4009, isFinal: true },
  /** No sign of life for too long. */
  missed_heartbeats: { code: 4010, isFinal: false },
  /** What was sent piled up: the other end reads too slowly. */
  too_slow:          { code: 4011, isFinal: false },
  /** Too many connections, or too many frames. */
  rate_limited:      { code: 4029, isFinal: false },
  /** A frame beyond the limit. */
  frame_too_large:   { code: 1009, isFinal: false },
  /** A bug of the server's. */
  internal:          { code: 1011, isFinal: false },
  /** The server stops or restarts; come back. */
  restart:           { code: 1012, isFinal: false },
  /** The provider said goodbye. */
  goodbye:           { code: 1000, isFinal: true },
} as const;

/** `isFinal` closings are not to be answered with a reconnection: it would end the same way. */
export type LinkClosing = keyof typeof LINK_CLOSINGS;

/** The closing behind a close code, or `undefined` for one that is not ours. */
export function linkClosingOf(code: number): LinkClosing | undefined {
  return (Object.keys(LINK_CLOSINGS) as LinkClosing[]).find(
    (closing) => LINK_CLOSINGS[closing].code === code,
  );
}

/** Bounds that both ends of a wire must agree on. Each has its unit in its name, a reason, and one home. */
export const LIMITS = {
  /** A JSON body. Bigger things travel as files (LinkedClaw contract §4). */
  bodyBytesMax: 1_048_576,
  /** An uploaded file (LinkedClaw contract §14). */
  fileBytesMax: 50 * 1024 * 1024,
  /** One frame on a provider's connection: an input of the largest body, and its envelope. */
  frameBytesMax: 1_048_576 + 65_536,
  /** A provider says that it lives this often … */
  heartbeatMs: 10_000,
  /** … and is offline after this long without a sign of life (LinkedClaw contract §7.1). */
  heartbeatMissMs: 30_000,
  /** A run's deadline, from its opening (LinkedClaw contract §6.6). */
  runSecondsMin: 5,
  runSecondsDefault: 60,
  runSecondsMax: 300,
  /** Runs that a provider works on at once unless it says otherwise (LinkedClaw contract §7.6). */
  providerRunsDefault: 4,
  /** One piece of streamed output, as JSON text. */
  chunkBytesMax: 65_536,
  /** Stream chunks that may be on their way without having been consumed, per run. */
  chunkCreditsDefault: 32,
  /** A new connection identifies within this long (LinkedClaw contract §7.3). */
  identifyMs: 10_000,
  /** How deep JSON may nest: what reads it elsewhere, a database among them, has a stack. */
  jsonDepthMax: 100,
  /** How long a seat of a broadcast may be claimed over a connection (LinkedClaw contract §7.1). */
  slotOfferMs: 30_000,
  /** One result of a broadcast, as JSON text. Bigger things travel as files. */
  slotResultCharactersMax: 262_144,
  /** Runs that one provider can hold, and name when it resumes. */
  resumeRunsMax: 1_000,
  /** Sessions that one provider can hold, and name when it resumes. */
  resumeSessionsMax: 10_000,
  /** What is said in one message of a session, as JSON text. Bigger things travel as files. */
  messageBytesMax: 262_144,
  /** Messages that one session can be opened for. */
  sessionMessagesMax: 10_000,
} as const;

/** How often a workspace may ask. */
import { ConfigError, list, wholeNumber } from "./config-values.ts";

/**
 * Requests a minute and workspace, by group of routes (LinkedClaw contract §4, raised for one machine's own
 * use). `messages` and `events` are counted for each session.
 */
export const RATE_LIMITS = {
  search: 120,
  invoke: 600,
  broadcasts: 120,
  slots: 600,
  agents: 120,
  files: 120,
  manifests: 300,
  receipts: 300,
  sessions: 600,
  messages: 600,
  events: 600,
  wallet: 120,
  models: 600_000,
} as const;

/** `group=count` pairs over the usual ones. @throws {ConfigError} */
export function readRateLimits(text: string | undefined): Readonly<Record<string, number>> {
  const limits: Record<string, number> = { ...RATE_LIMITS };
  for (const item of list(text)) {
    const [group = "", count = ""] = item.split("=").map((part) => part.trim());
    if (!Object.hasOwn(RATE_LIMITS, group)) {
      const known = Object.keys(RATE_LIMITS).join(", ");
      throw new ConfigError(`GUILDHALL_RATE_LIMITS knows no "${group}"; groups are ${known}.`);
    }
    limits[group] = wholeNumber(count, `GUILDHALL_RATE_LIMITS ${group}`, 0, 10_000_000);
  }
  return limits;
}

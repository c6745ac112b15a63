/**
 * This server process, as others see it: one lease, renewed each second.
 *
 * What the process holds (connections) and drives (runs) counts as alive while the lease lives, and
 * may be taken over after it. So a process that cannot renew must stop acting by itself, at the
 * latest when others may start to: `isLive` turns false by its own clock, whatever the database does.
 */
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import {
  deleteDeadProcesses,
  deleteOtherProcesses,
  deleteProcess,
  upsertProcess,
} from "../store/process.ts";

/** How long a lease lasts … */
export const LEASE_MS = 5_000;
/** … and how often it is renewed: four renewals in a row may fail. */
const RENEW_MS = 1_000;
/** A lease that was renewed longer ago is late: this process was held up, or its database was. */
const LATE_MS = 2 * RENEW_MS;
/** Rows of dead processes are kept this long, for people who want to see what happened. */
const DEAD_KEPT_MS = 3_600_000;

export interface ServerProcess {
  readonly id: string;
  /** Whether the lease lives. While it does not, nothing may be dispatched. */
  isLive(): boolean;
  /**
   * Whether processes whose lease has ended may be taken for dead. Not while this one's own is late, nor for a
   * while after: what kept it from renewing kept others too, and they are about to renew theirs.
   */
  mayTakeOver(): boolean;
  /** Renews the lease now. Never throws: `isLive` says how it went. */
  renew(): Promise<void>;
  /** Gives the lease up, so that others need not wait for its end. */
  stop(): Promise<void>;
}

/** Registers this process and keeps its lease renewed until `stop`. */
export async function startProcess(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}): Promise<ServerProcess> {
  const { database, clock, log } = deps;
  const id = newId(clock, deps.random);
  const startedAt = clock.now();
  let leaseUntil = startedAt;
  let quietUntil = startedAt;
  let isReportedLive = true;
  let renewal: Promise<void> | undefined;

  const isLive = (): boolean => clock.now() < leaseUntil;
  const isLate = (): boolean => clock.now().getTime() > leaseUntil.getTime() - LEASE_MS + LATE_MS;
  const beQuiet = (): void => {
    quietUntil = new Date(clock.now().getTime() + LEASE_MS);
  };

  /** Gives the lease's new end, once it is written. */
  async function extend(): Promise<Date> {
    // Counted from before the statement: it may take long, and the lease must not outlive its row.
    const until = new Date(clock.now().getTime() + LEASE_MS);
    await upsertProcess(database, { id, startedAt, leaseUntil: until });
    return until;
  }

  async function renew(): Promise<void> {
    try {
      const until = await extend();
      if (isLate()) beQuiet();
      leaseUntil = until;
    } catch (error) {
      log.warn({ error, processId: id }, "could not renew this process's lease; trying again");
    }
  }

  function report(): void {
    const live = isLive();
    if (live === isReportedLive) return;
    isReportedLive = live;
    if (live) log.info({ processId: id }, "this process's lease is renewed; it dispatches again");
    else log.error({ processId: id }, "this process's lease ended; it dispatches nothing");
  }

  leaseUntil = await extend();
  // The embedded host has one process by its directory's lock: whoever else is listed was killed.
  if (database.host === "embedded") await deleteOtherProcesses(database, id);
  else {
    await deleteDeadProcesses(database, new Date(startedAt.getTime() - DEAD_KEPT_MS));
    // The database may have been away until now, and be what this process waited for as well.
    beQuiet();
  }

  const timer = setInterval(() => {
    report();
    renewal ??= renew().finally(() => {
      renewal = undefined;
      report();
    });
  }, RENEW_MS);
  timer.unref();

  return {
    id,
    isLive,
    mayTakeOver: () => !isLate() && clock.now() >= quietUntil,
    renew,
    async stop() {
      clearInterval(timer);
      await renewal;
      leaseUntil = new Date(0);
      await deleteProcess(database, id);
    },
  };
}

/** Server processes and their leases. */
import type { Tx } from "./database.ts";

/** Registers the process or renews its lease; a row that somebody removed meanwhile comes back. */
export async function upsertProcess(
  tx: Tx,
  process: { readonly id: string; readonly startedAt: Date; readonly leaseUntil: Date },
): Promise<void> {
  await tx.query(
    `insert into processes(id, started_at, lease_until) values ($1, $2, $3)
     on conflict (id) do update set lease_until = excluded.lease_until`,
    [process.id, process.startedAt, process.leaseUntil],
  );
}

/** Removes a process that stops. */
export async function deleteProcess(tx: Tx, id: string): Promise<void> {
  await tx.query("delete from processes where id = $1", [id]);
}

/** Removes processes whose lease ended before this. */
export async function deleteDeadProcesses(tx: Tx, before: Date): Promise<void> {
  await tx.query("delete from processes where lease_until < $1", [before]);
}

/** Removes every process but this one. */
export async function deleteOtherProcesses(tx: Tx, id: string): Promise<void> {
  await tx.query("delete from processes where id <> $1", [id]);
}

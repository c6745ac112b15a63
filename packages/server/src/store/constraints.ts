/**
 * What it means to a caller when a constraint of the schema is violated. A constraint that is not
 * listed stands for a bug of ours, and its violation goes on as the error it is.
 */
import { Fault } from "../domain/fault.ts";

/** The codes that say all there is to say without facts. */
type Refusal = { code: "conflict" | "slug_taken"; message: string };

const REFUSALS = {
  members_email: { code: "conflict", message: "A member with this e-mail address exists." },
  members_handle: { code: "slug_taken", message: "This handle is taken." },
  vouchers_code: { code: "conflict", message: "There is a voucher with this code." },
  agents_slug: { code: "slug_taken", message: "This slug is taken." },
} as const satisfies Record<string, Refusal>;

/** A constraint whose violation is a caller's doing. */
export type CallersConstraint = keyof typeof REFUSALS;

/** Whether the database refused a write because of this constraint. */
export function isBrokenBy(error: unknown, constraint: CallersConstraint): boolean {
  return (error as { constraint?: unknown }).constraint === constraint;
}

/**
 * Waits for a write, and refuses in the caller's words where a listed constraint was violated:
 * `await refusing(tx.query("insert into …", […]))`.
 *
 * @throws {Fault} of the constraint's code; any other error as it came
 */
export async function refusing<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const refusal = refusalOf((error as { constraint?: string }).constraint);
    if (!refusal) throw error;
    throw new Fault(refusal.code, refusal.message, undefined, { cause: error });
  }
}

function refusalOf(constraint: string | undefined): Refusal | undefined {
  return Object.entries(REFUSALS).find(([name]) => name === constraint)?.[1];
}

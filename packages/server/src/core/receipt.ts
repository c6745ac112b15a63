/**
 * Receipts, signed so that anyone can check one offline: RFC 8785 text, Ed25519, a key id that the
 * published keys name. Signing waits for the first reader: it is no part of getting work done.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import type { Receipt } from "../domain/receipt.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../store/database.ts";
import {
  findReceipt,
  insertReceipt,
  listEndedWorkIds,
  type SignedRecord,
} from "../store/receipt.ts";
import {
  findReceiptSubjects,
  type ReceiptDetails,
  type ReceiptSubject,
} from "./receipt-subject.ts";
import type { Signer } from "./signing.ts";

export interface SignedReceipt extends ReceiptDetails {
  readonly receipt: Receipt;
  readonly keyId: string;
  /** Ed25519 over the RFC 8785 text of `receipt`, base64url. */
  readonly signature: string;
}

export interface ReceiptPage {
  readonly receipts: readonly SignedReceipt[];
  /** Hand it in again for the next page; `undefined` on the last one. */
  readonly cursor: string | undefined;
}

export interface Receipts {
  /** For either side of work that has ended. Throws `not_found`, `conflict` while it still runs. */
  require(caller: Caller, id: string): Promise<SignedReceipt>;
  list(
    caller: Caller,
    page: { side: "requester" | "provider"; limit: number; cursor: string | undefined },
  ): Promise<ReceiptPage>;
  /** Public keys as JWKs with `kid`, also retired ones: what they signed still verifies. */
  publicKeys(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly signer: Signer;
}

export function createReceipts(deps: Dependencies): Receipts {
  const { database } = deps;
  return {
    async require(caller, id) {
      const [subject] = await findReceiptSubjects(database, [id]);
      const isParty =
        subject?.workspaceId === caller.workspaceId ||
        subject?.providerWorkspaceId === caller.workspaceId;
      if (!subject || !isParty) {
        throw new Fault("not_found", "No such receipt.", { kind: "receipt", id });
      }
      if (!subject.isOver) {
        throw new Fault("conflict", "The work still runs; its receipt comes with its end.");
      }
      return signedReceipt(deps, subject);
    },
    async list(caller, { side, limit, cursor }) {
      const ids = await listEndedWorkIds(database, caller.workspaceId, side, cursor, limit + 1);
      const shown = ids.slice(0, limit);
      const found = await findReceiptSubjects(database, shown);
      const byId = new Map(found.map((subject) => [subject.id, subject]));
      const receipts: SignedReceipt[] = [];
      for (const id of shown) {
        const subject = byId.get(id);
        if (subject) receipts.push(await signedReceipt(deps, subject));
      }
      return { receipts, cursor: ids.length > limit ? shown.at(-1) : undefined };
    },
    publicKeys: () => deps.signer.publicKeys(),
  };
}

async function signedReceipt(deps: Dependencies, subject: ReceiptSubject): Promise<SignedReceipt> {
  const kept = (await findReceipt(deps.database, subject.id)) ?? (await signAndKeep(deps, subject));
  const receipt = JSON.parse(kept.body) as Receipt;
  const { keyId, signature } = kept;
  return { receipt, keyId, signature, ...(await subject.details()) };
}

async function signAndKeep(deps: Dependencies, subject: ReceiptSubject): Promise<SignedRecord> {
  const { database, clock, signer } = deps;
  const { id } = subject;
  const { text, keyId, signature } = await signer.sign(await subject.receipt());
  await insertReceipt(database, { id, body: text, keyId, signature }, clock.now());
  const kept = await findReceipt(database, id);
  if (!kept) throw new Error(`the receipt of ${id} was not kept`);
  return kept;
}

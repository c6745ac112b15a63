/** Transfers that are not for work, and what their refusals mean to whoever asked for them. */
import type { Command, CommandOutcome, Refusal, Step } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import type { Operation } from "../domain/wallet.ts";

export interface OperationTransfer {
  readonly reference: Operation;
  /** Unique for ever within its operation. */
  readonly name: string;
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amountMicros: bigint;
}

export interface OperationLedger {
  commit(command: Command): Promise<CommandOutcome>;
}

export interface TransferOptions {
  /** The key that asked, if one did. */
  readonly keyId?: string | undefined;
  /** What is said where the name is another transfer's. */
  readonly takenMessage?: string;
}

/**
 * Moves money once: the same transfer again changes nothing and succeeds.
 *
 * @throws {Fault} `insufficient_funds`, `conflict`, `unauthenticated`, `suspended`
 */
export async function transferOnce(
  ledger: OperationLedger,
  transfer: OperationTransfer,
  options: TransferOptions = {},
): Promise<void> {
  const step: Step = { kind: "transfer", ...transfer };
  const outcome = await ledger.commit({ keyId: options.keyId, work: undefined, steps: [step] });
  if (!outcome.ok) throw faultOf(outcome.refusal, transfer, options);
}

function faultOf(
  refusal: Refusal,
  transfer: OperationTransfer,
  { takenMessage = "This was done already, and not in the same way." }: TransferOptions,
): Error {
  switch (refusal.code) {
    case "insufficient_funds":
      return new Fault("insufficient_funds", "The account does not have that much available.", {
        neededMicros: transfer.amountMicros,
      });
    case "account_frozen":
      return new Fault("conflict", "A payment is disputed: nothing leaves this wallet meanwhile.");
    case "transfer_exists":
      return new Fault("conflict", takenMessage);
    case "key_revoked":
      return new Fault("unauthenticated", "The API key is not valid any more.", {
        reason: "inactive",
      });
    case "workspace_suspended":
      return new Fault("suspended", "The workspace is suspended.");
    default:
      return new Error(`transfer ${transfer.reference} was refused: ${refusal.code}`);
  }
}

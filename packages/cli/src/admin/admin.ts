/** The operator's commands. They work on the server's own machine, with the key in its data directory. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { type NativeApi, openAdmin } from "../native.ts";
import { addAgent } from "./agent.ts";
import { addCredit, addTransfer } from "./credit.ts";
import { addDispute } from "./dispute.ts";
import { addHandoff } from "./handoff.ts";
import { addKey } from "./key.ts";
import { addLedger } from "./ledger.ts";
import { addMember } from "./member.ts";
import { addNodeAdmin } from "./node.ts";
import { addPayout } from "./payout.ts";
import { addPrice } from "./price.ts";
import { addStatus } from "./status.ts";
import { addTopup } from "./topup.ts";
import { addUpstream } from "./upstream.ts";
import { addVoucher } from "./voucher.ts";

/** What an operator's command is handed. */
export interface Admin {
  readonly cli: Cli;
  /** Opens the API with the operator's key. */
  open(): Promise<NativeApi>;
}

export function addAdmin(program: Command, cli: Cli): void {
  const admin = program
    .command("admin")
    .description("Run a Guildhall: members, keys, money, the books")
    .option("--data-dir <path>", "the server's data directory");
  const handed: Admin = {
    cli,
    open: () => openAdmin(cli, admin.opts<{ dataDir?: string }>().dataDir),
  };
  for (const add of [addMember, addAgent, addNodeAdmin, addKey, addHandoff]) add(admin, handed);
  for (const add of [addCredit, addTransfer, addVoucher, addTopup, addDispute, addPayout]) {
    add(admin, handed);
  }
  for (const add of [addUpstream, addPrice, addLedger, addStatus]) add(admin, handed);
}

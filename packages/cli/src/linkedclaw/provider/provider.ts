import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { addAccept, addLegacySubmit } from "../gig-task/serve.ts";
import { addListings } from "./listings.ts";
import { addRegister } from "./register.ts";
import { addRun } from "./run.ts";
import { addStatus } from "./status.ts";
import { addUpdate } from "./update.ts";

export function addProvider(program: Command, cli: Cli): void {
  const provider = program.command("provider").description("Offer agents of your own");
  for (const add of [addRegister, addUpdate, addListings, addRun, addStatus]) add(provider, cli);
  // As older clients say it (LinkedClaw contract §9.2).
  addAccept(provider, cli, "pick", true);
  addLegacySubmit(provider, cli);
}

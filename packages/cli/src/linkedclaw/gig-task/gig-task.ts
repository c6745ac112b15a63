import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { addCreate } from "./create.ts";
import { addCancelTask, addReview, addVerify } from "./judge.ts";
import { addGet, addList, addWait } from "./look.ts";
import { addAccept, addAvailable, addSubmit } from "./serve.ts";

export function addGigTask(program: Command, cli: Cli): void {
  const gigTask = program
    .command("gig-task")
    .description("Ask several providers for the same thing, or answer such a task");
  gigTask.commandsGroup("Asking:");
  for (const add of [addCreate, addGet, addList, addWait, addVerify, addReview, addCancelTask]) {
    add(gigTask, cli);
  }
  gigTask.commandsGroup("Answering:");
  addAvailable(gigTask, cli);
  addAccept(gigTask, cli);
  addSubmit(gigTask, cli);
}

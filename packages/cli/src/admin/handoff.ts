import type { Command } from "commander";
import type { Admin } from "./admin.ts";

export function addHandoff(parent: Command, admin: Admin): void {
  parent
    .command("handoff")
    .description("Sign-ins that wait for a person")
    .command("approve")
    .description("Approve a pending sign-in for a member, who is added where missing")
    .argument("<code_or_id>", "the code that a terminal shows, or the sign-in's id")
    .requiredOption("--email <address>", "the member that is signed in")
    .action(async (code: string, { email }: { email: string }) => {
      const api = await admin.open();
      const json = { code, email };
      const answer = await api.ask({ method: "POST", path: "/handoffs/approve", json });
      admin.cli.terminal.answer(answer);
    });
}

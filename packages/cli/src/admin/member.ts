import { type Command, Option } from "commander";
import { usdAmount } from "../money.ts";
import { fieldsOf } from "../server.ts";
import type { Admin } from "./admin.ts";
import { addLimitOptions, type LimitOptions, limitsJson } from "./limits.ts";

interface LimitMemberOptions extends LimitOptions {
  readonly email: string;
  readonly chainCeilingUsd?: string;
}

export function addMember(parent: Command, admin: Admin): void {
  const member = parent.command("member").description("People who may sign in");
  member
    .command("create")
    .description("Add a member with a workspace and a wallet")
    .requiredOption("--email <address>", "the address that they sign in with")
    .option("--handle <name>", "the public name; otherwise made from the address")
    .action(async (json: { email: string; handle?: string }) => {
      const api = await admin.open();
      admin.cli.terminal.answer(await api.ask({ method: "POST", path: "/members", json }));
    });
  member
    .command("invite")
    .description("Make a link by which a person joins, or a member sets a password")
    .requiredOption("--email <address>", "the address that the link is for")
    .action(async (json: { email: string }) => {
      const api = await admin.open();
      const path = "/members/invite";
      admin.cli.terminal.reveal(fieldsOf(await api.ask({ method: "POST", path, json })));
    });
  addLimitOptions(member.command("limit"))
    .description("Set what a member's workspace may spend; a limit not given is none")
    .requiredOption("--email <address>", "the member")
    .option("--chain-ceiling-usd <amount>", "the most that one chain of work may cost", usdAmount)
    .action(async ({ email, chainCeilingUsd, ...limits }: LimitMemberOptions) => {
      const api = await admin.open();
      const json = { email, chain_ceiling_usd: chainCeilingUsd, ...limitsJson(limits) };
      const path = "/members/limits";
      admin.cli.terminal.answer(await api.ask({ method: "POST", path, json }));
    });
  member
    .command("role")
    .description(
      "Make a member an operator, who may invite others from the pages, or a member again",
    )
    .requiredOption("--email <address>", "the member")
    .addOption(
      new Option("--role <role>", "what they are from now on")
        .choices(["member", "operator"])
        .makeOptionMandatory(),
    )
    .action(async (json: { email: string; role: string }) => {
      const api = await admin.open();
      const path = "/members/role";
      admin.cli.terminal.answer(await api.ask({ method: "POST", path, json }));
    });
  for (const [verb, description] of [
    ["suspend", "Stop a member from spending, earning and signing in"],
    ["resume", "Let a suspended member in again"],
  ] as const) {
    member
      .command(verb)
      .description(description)
      .requiredOption("--email <address>", "the member")
      .action(async (json: { email: string }) => {
        const api = await admin.open();
        const path = `/members/${verb}`;
        admin.cli.terminal.answer(await api.ask({ method: "POST", path, json }));
      });
  }
}

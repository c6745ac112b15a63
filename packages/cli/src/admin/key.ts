import { type Command, Option } from "commander";
import { pathPart } from "../linkedclaw/api.ts";
import { fieldsOf } from "../server.ts";
import { moment, table } from "../terminal/layout.ts";
import type { Admin } from "./admin.ts";
import { addLimitOptions, type LimitOptions, limitsJson } from "./limits.ts";

const KINDS = ["lc", "claw_wsk", "mrg", "cllk_live", "shk", "gld"];

interface CreateOptions extends LimitOptions {
  readonly email: string;
  readonly kind: string;
  readonly agent?: string;
  readonly label?: string;
}

export function addKey(parent: Command, admin: Admin): void {
  const { terminal } = admin.cli;
  const key = parent.command("key").description("Keys that act for a member");
  addLimitOptions(key.command("create"))
    .description("Make a key; it is shown this once")
    .requiredOption("--email <address>", "the member that it acts for")
    .addOption(
      new Option("--kind <kind>", "what its holder speaks; gld is good everywhere")
        .choices(KINDS)
        .makeOptionMandatory(),
    )
    .option("--agent <agent_id>", "act for this agent only")
    .option("--label <text>", "what it is for")
    .action(async ({ email, kind, agent, label, ...limits }: CreateOptions) => {
      const api = await admin.open();
      const json = { email, kind, agent_id: agent, label, ...limitsJson(limits) };
      terminal.reveal(fieldsOf(await api.ask({ method: "POST", path: "/keys", json })));
    });
  key
    .command("list")
    .description("List keys, without their secrets")
    .requiredOption("--email <address>", "of this member")
    .action(async ({ email }: { email: string }) => {
      const api = await admin.open();
      const answer = await api.ask({ method: "GET", path: "/keys", query: { email } });
      terminal.answer(answer, (value, page) => {
        const keys = fieldsOf(value).keys;
        const rows = (Array.isArray(keys) ? keys : []).map(fieldsOf);
        return table(
          page,
          [
            { title: "key", style: page.paint.accent },
            { title: "kind" },
            { title: "ends in" },
            { title: "label", isFlexible: true },
            { title: "made", style: page.paint.dim },
            { title: "last used", style: page.paint.dim },
            { title: "state" },
          ],
          rows.map((row) => [
            ...[row.key_id, row.kind, row.hint, row.label].map(String),
            ...[moment(row.created_at), moment(row.last_used_at), String(row.state)],
          ]),
        );
      });
    });
  key
    .command("revoke")
    .description("Make a key worthless, at once and for good")
    .argument("<key_id>", "from key list")
    .action(async (keyId: string) => {
      const api = await admin.open();
      const path = `/keys/${pathPart(keyId)}/revoke`;
      terminal.answer(await api.ask({ method: "POST", path, json: {} }));
    });
}

import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { wholeNumber } from "../../input.ts";
import { moment, type Page, table } from "../../terminal/layout.ts";
import { openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { arrayIn } from "../pages.ts";
import { quoteText } from "../price.ts";
import { payloadText } from "./conversation.ts";
import { fetchLog } from "./events.ts";
import { drawSession, fetchSession, idleWarning, sessionOf } from "./session.ts";
import { requireSessionId } from "./state.ts";

/** More than anybody has open; what lies before is found with --status and --role. */
const LIMIT_DEFAULT = 100;
const STATUSES = ["pending", "active", "interrupted", "awaiting_invoice", "ended", "cancelled"];

interface ListOptions {
  readonly status?: string;
  readonly role?: string;
  readonly limit: number;
}

export function addSessions(program: Command, cli: Cli): void {
  const sessions = program.command("sessions").description("Look at sessions and their logs");
  const list = sessions
    .command("list")
    .description("List sessions, the newest first, with a warning for what nobody uses")
    .addOption(new Option("--status <status>", "only those in this state").choices(STATUSES))
    .addOption(
      new Option("--role <role>", "those you hired, or those you were hired for").choices([
        "requester",
        "provider",
      ]),
    )
    .option("--limit <n>", "at most so many; 0 is all", wholeNumber(0), LIMIT_DEFAULT)
    .action(async (options: ListOptions) => {
      const api = await openApi(cli);
      const found = await cli.terminal.waiting(
        "looking",
        arrayIn(
          api,
          "/sessions",
          { status: options.status, role: options.role },
          "sessions",
          options.limit,
        ),
      );
      cli.terminal.answer(found, (all, page) => drawn(all, page, cli));
    });
  addExamples(list, cli, [
    ["sessions list --status active", "what is open now, and holds credits"],
    ["sessions list --role provider --human", "for whom you work, as a table"],
  ]);
  sessions
    .command("get")
    .description("Show one session: its state, its price, what is held for it")
    .argument("<session_id>", "ses_…")
    .action(async (sessionId: string) => {
      const answer = await fetchSession(await openApi(cli), requireSessionId(sessionId));
      cli.terminal.answer(answer, (value, page) => drawSession(page, value));
    });
  sessions
    .command("events")
    .description("Print a session's log: every message, and whatever else happened")
    .argument("<session_id>", "ses_…")
    .option("--since <offset>", "from this event on", wholeNumber(0), 0)
    .action(async (sessionId: string, { since }: { since: number }) => {
      const api = await openApi(cli);
      const { events } = await fetchLog(api, requireSessionId(sessionId), since);
      cli.terminal.answer(events, (all, page) => {
        const columns = [
          { title: "#", align: "right" as const, style: page.paint.dim },
          { title: "when", style: page.paint.dim },
          { title: "from" },
          { title: "event", style: page.paint.accent },
          { title: "what was said", isFlexible: true },
        ];
        const rows = all.map(({ offset, created_at: at, from, type, payload }) => {
          return [String(offset), moment(at), from, type, payloadText(page, payload)];
        });
        return table(page, columns, rows);
      });
    });
}

function drawn(values: readonly unknown[], page: Page, cli: Cli): string {
  if (values.length === 0) return "There are no such sessions.";
  const all = values.map(sessionOf);
  const rows = all.map((session) => [
    session.session_id,
    session.status,
    session.agent_id,
    session.capability,
    `${session.messages_used}/${session.max_messages ?? "?"}`,
    quoteText(session.agreed_quote, session.open_quote) ?? "",
    String(session.escrow_held ?? ""),
    moment(session.created_at),
  ]);
  const columns = [
    { title: "session", style: page.paint.accent },
    { title: "status" },
    { title: "agent" },
    { title: "capability", isFlexible: true },
    { title: "messages", align: "right" as const },
    { title: "price" },
    { title: "held", align: "right" as const, style: page.paint.bold },
    { title: "since", style: page.paint.dim },
  ];
  const warnings = all.flatMap((session) => {
    const warning = idleWarning(session);
    if (warning === undefined) return [];
    return [
      page.paint.warning(`! ${session.session_id}: ${warning}`),
      `  ${cli.name} recv ${session.session_id} · end ${session.session_id} · cancel ${session.session_id}`,
    ];
  });
  return [table(page, columns, rows), ...(warnings.length > 0 ? ["", ...warnings] : [])].join("\n");
}

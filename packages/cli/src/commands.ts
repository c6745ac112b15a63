/**
 * Which commands there are, and where each one is: one file each, in the order in which the help shows
 * them. A command line needs one of them, and reading the others would take longer than doing it.
 */
import type { Command } from "commander";
import type { Cli, CliName } from "./cli.ts";

/** Adds a command to those of its parent. */
type Add = (parent: Command, cli: Cli) => unknown;

interface Source {
  /** As it is typed: the first word of a command line. */
  readonly name: string;
  load(): Promise<Add>;
}

interface Group {
  readonly heading: string;
  readonly sources: readonly Source[];
}

/** One command from the module that has it; what such a function is called is checked by its type. */
function from<Name extends string>(
  name: string,
  read: () => Promise<Readonly<Record<Name, Add>>>,
  add: Name,
): Source {
  return { name, load: async () => (await read())[add] };
}

const quotes = () => import("./linkedclaw/session/quote.ts");
const receipts = () => import("./linkedclaw/commands/receipts.ts");
const wallet = () => import("./wallet/wallet.ts");

const LINKEDCLAW: readonly Group[] = [
  {
    heading: "Getting in:",
    sources: [
      from("login", () => import("./linkedclaw/commands/login.ts"), "addLogin"),
      from("whoami", () => import("./linkedclaw/commands/whoami.ts"), "addWhoami"),
      from("config", () => import("./linkedclaw/commands/config.ts"), "addConfig"),
      from("init", () => import("./linkedclaw/init/init.ts"), "addInit"),
    ],
  },
  {
    heading: "Finding:",
    sources: [
      from("search", () => import("./linkedclaw/commands/search.ts"), "addSearch"),
      from("show", () => import("./linkedclaw/commands/show.ts"), "addShow"),
      from("schema", () => import("./linkedclaw/commands/schema.ts"), "addSchema"),
      from("trust", () => import("./linkedclaw/commands/trust.ts"), "addTrust"),
    ],
  },
  {
    heading: "One piece of work:",
    sources: [
      from("upload", () => import("./linkedclaw/commands/upload.ts"), "addUpload"),
      from("invoke", () => import("./linkedclaw/commands/invoke.ts"), "addInvoke"),
    ],
  },
  {
    heading: "A conversation:",
    sources: [
      from("hire", () => import("./linkedclaw/session/hire.ts"), "addHire"),
      from("activate", () => import("./linkedclaw/session/activate.ts"), "addActivate"),
      from("send", () => import("./linkedclaw/session/send.ts"), "addSend"),
      from("recv", () => import("./linkedclaw/session/recv.ts"), "addRecv"),
      from("end", () => import("./linkedclaw/session/end.ts"), "addEnd"),
      from("cancel", () => import("./linkedclaw/session/cancel.ts"), "addCancel"),
      from("extend", () => import("./linkedclaw/session/extend.ts"), "addExtend"),
      from("sessions", () => import("./linkedclaw/session/sessions.ts"), "addSessions"),
      from("acp", () => import("./linkedclaw/acp/acp.ts"), "addAcp"),
    ],
  },
  {
    heading: "A price on request:",
    sources: [
      from("get-quote-proposal", quotes, "addGetQuoteProposal"),
      from("accept-quote", quotes, "addAcceptQuote"),
      from("get-invoice", quotes, "addGetInvoice"),
      from("accept-invoice", quotes, "addAcceptInvoice"),
    ],
  },
  {
    heading: "Many providers at once:",
    sources: [
      from("gig-task", () => import("./linkedclaw/gig-task/gig-task.ts"), "addGigTask"),
      from("mandate", () => import("./linkedclaw/gig-task/mandate.ts"), "addMandate"),
    ],
  },
  {
    heading: "Money:",
    sources: [
      from("credits", () => import("./linkedclaw/commands/credits.ts"), "addCredits"),
      from("receipts", receipts, "addReceipts"),
      { name: "receipt", load: loadReceipt },
    ],
  },
  {
    heading: "Offering:",
    sources: [
      from("provider", () => import("./linkedclaw/provider/provider.ts"), "addProvider"),
      from("submit-quote", quotes, "addSubmitQuote"),
      from("submit-invoice", quotes, "addSubmitInvoice"),
      from("flag", () => import("./linkedclaw/session/flag.ts"), "addFlag"),
    ],
  },
];

/** What only `guildhall` has, beside all of `linkedclaw`'s. */
const GUILDHALL: readonly Group[] = [
  {
    heading: "Money:",
    sources: [
      from("wallet", wallet, "addWallet"),
      from("redeem", wallet, "addRedeem"),
      from("topup", () => import("./wallet/topup.ts"), "addTopup"),
      from("payout", wallet, "addPayouts"),
      from("referrals", wallet, "addReferrals"),
    ],
  },
  {
    heading: "Offering:",
    sources: [from("node", () => import("./node/node.ts"), "addNode")],
  },
  {
    heading: "Running a Guildhall:",
    sources: [from("admin", () => import("./admin/admin.ts"), "addAdmin")],
  },
];

const MORE: Group = {
  heading: "More:",
  sources: [from("completion", () => import("./completion.ts"), "addCompletion")],
};

/** Our own command has a subcommand that LinkedClaw's does not know. */
async function loadReceipt(): Promise<Add> {
  const { addReceipt } = await receipts();
  const { addVerify } = await import("./receipt/verify.ts");
  return (parent, cli) => {
    const receipt = addReceipt(parent, cli);
    if (cli.name === "guildhall") addVerify(receipt, cli);
  };
}

/** Adds the one command that is named `word`; all there are where it is nobody's name. */
export async function addCommands(
  program: Command,
  cli: Cli,
  word: string | undefined,
): Promise<void> {
  const all = groupsOf(cli.name);
  const named = all.flatMap(({ sources }) => sources).find(({ name }) => name === word);
  // The list of commands that a script completes by is made from all of them.
  const groups = named && word !== "completion" ? [{ heading: "", sources: [named] }] : all;
  for (const { heading, sources } of groups) {
    program.commandsGroup(heading);
    const adds = await Promise.all(sources.map((source) => source.load()));
    for (const add of adds) add(program, cli);
  }
}

function groupsOf(name: CliName): readonly Group[] {
  return name === "guildhall" ? [...LINKEDCLAW, ...GUILDHALL, MORE] : [...LINKEDCLAW, MORE];
}

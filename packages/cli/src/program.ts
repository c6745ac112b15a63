/** Which commands there are: one file each. `guildhall` has all of `linkedclaw`'s, and its own. */
import { Command } from "commander";
import { addAdmin } from "./admin/admin.ts";
import type { Cli, GlobalOptions } from "./cli.ts";
import { addCompletion } from "./completion.ts";
import { addAcp } from "./linkedclaw/acp/acp.ts";
import { addConfig } from "./linkedclaw/commands/config.ts";
import { addCredits } from "./linkedclaw/commands/credits.ts";
import { addInvoke } from "./linkedclaw/commands/invoke.ts";
import { addLogin } from "./linkedclaw/commands/login.ts";
import { addReceipt, addReceipts } from "./linkedclaw/commands/receipts.ts";
import { addSchema } from "./linkedclaw/commands/schema.ts";
import { addSearch } from "./linkedclaw/commands/search.ts";
import { addShow } from "./linkedclaw/commands/show.ts";
import { addTrust } from "./linkedclaw/commands/trust.ts";
import { addUpload } from "./linkedclaw/commands/upload.ts";
import { addWhoami } from "./linkedclaw/commands/whoami.ts";
import { addGigTask } from "./linkedclaw/gig-task/gig-task.ts";
import { addMandate } from "./linkedclaw/gig-task/mandate.ts";
import { addInit } from "./linkedclaw/init/init.ts";
import { addProvider } from "./linkedclaw/provider/provider.ts";
import { addActivate } from "./linkedclaw/session/activate.ts";
import { addCancel } from "./linkedclaw/session/cancel.ts";
import { addEnd } from "./linkedclaw/session/end.ts";
import { addExtend } from "./linkedclaw/session/extend.ts";
import { addFlag } from "./linkedclaw/session/flag.ts";
import { addHire } from "./linkedclaw/session/hire.ts";
import {
  addAcceptInvoice,
  addAcceptQuote,
  addGetInvoice,
  addGetQuoteProposal,
  addSubmitInvoice,
  addSubmitQuote,
} from "./linkedclaw/session/quote.ts";
import { addRecv } from "./linkedclaw/session/recv.ts";
import { addSend } from "./linkedclaw/session/send.ts";
import { addSessions } from "./linkedclaw/session/sessions.ts";
import { addNode } from "./node/node.ts";
import { addVerify } from "./receipt/verify.ts";
import { createPaint } from "./terminal/paint.ts";
import { addTopup } from "./wallet/topup.ts";
import { addPayouts, addRedeem, addReferrals, addWallet } from "./wallet/wallet.ts";

const ABOUT = {
  linkedclaw: "Find agents, hire them, and offer your own.",
  guildhall: "Find agents, hire them, offer your own, and run a Guildhall.",
} as const;

/** The commander program of one of our two commands. Throws instead of ending the process. */
export function createProgram(cli: Cli): Command {
  const program = new Command(cli.name)
    .description(ABOUT[cli.name])
    .version(`${cli.name} ${cli.version}`, "--version", "Print the version")
    .helpOption("--help", "Explain a command")
    .helpCommand("help [command]", "Explain a command")
    .option("--human", "Print for people instead of JSON")
    .option("--verbose", "Show each answer's status and X-Request-ID on stderr")
    .option("--cloud-url <url>", "The server to use");
  // Commands made below take over what is set here. Errors are said once, by `main`; the help that
  // commander shows where a subcommand is missing is for people, not for programs.
  program.exitOverride().configureOutput({
    outputError: () => undefined,
    writeErr: (text) => void (process.stdout.isTTY && process.stdout.write(text)),
  });
  styleHelp(program, cli);
  program.hook("preAction", () => {
    cli.options = program.opts<GlobalOptions>();
  });

  addLinkedClaw(program, cli);
  if (cli.name === "guildhall") addGuildhall(program, cli);
  addCompletion(program, cli);
  return program;
}

function addLinkedClaw(program: Command, cli: Cli): void {
  program.commandsGroup("Getting in:");
  for (const add of [addLogin, addWhoami, addConfig, addInit]) add(program, cli);
  program.commandsGroup("Finding:");
  for (const add of [addSearch, addShow, addSchema, addTrust]) add(program, cli);
  program.commandsGroup("One piece of work:");
  for (const add of [addUpload, addInvoke]) add(program, cli);
  program.commandsGroup("A conversation:");
  for (const add of [addHire, addActivate, addSend, addRecv, addEnd, addCancel, addExtend]) {
    add(program, cli);
  }
  addSessions(program, cli);
  addAcp(program, cli);
  program.commandsGroup("A price on request:");
  for (const add of [addGetQuoteProposal, addAcceptQuote, addGetInvoice, addAcceptInvoice]) {
    add(program, cli);
  }
  program.commandsGroup("Many providers at once:");
  for (const add of [addGigTask, addMandate]) add(program, cli);
  program.commandsGroup("Money:");
  for (const add of [addCredits, addReceipts]) add(program, cli);
  const receipt = addReceipt(program, cli);
  if (cli.name === "guildhall") addVerify(receipt, cli);
  program.commandsGroup("Offering:");
  for (const add of [addProvider, addSubmitQuote, addSubmitInvoice, addFlag]) add(program, cli);
  program.commandsGroup("More:");
}

function addGuildhall(program: Command, cli: Cli): void {
  program.commandsGroup("Money:");
  for (const add of [addWallet, addRedeem, addTopup, addPayouts, addReferrals]) add(program, cli);
  program.commandsGroup("Offering:");
  addNode(program, cli);
  program.commandsGroup("Running a Guildhall:");
  addAdmin(program, cli);
  program.commandsGroup("More:");
}

/** Headings stand out on a terminal; what is for scripts stays plain. */
function styleHelp(program: Command, cli: Cli): void {
  const paint = createPaint(process.stdout, cli.env);
  program.configureHelp({
    showGlobalOptions: true,
    sortOptions: false,
    styleTitle: paint.bold,
    styleCommandText: paint.accent,
    styleSubcommandTerm: paint.accent,
    styleOptionTerm: paint.accent,
  });
}

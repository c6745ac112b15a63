/** `registration_session`: from nobody to a stored key (contract §10.1). */
import { Failure } from "../failure.ts";
import { openBrowser } from "../linkedclaw/login/browser.ts";
import { dryRun } from "./dry-run.ts";
import type { FlagTable } from "./flags.ts";
import { fieldsOf, type JsonObject, textOf } from "./json.ts";
import { keyFile, storeKey } from "./key.ts";
import { findOrigin, type Origin } from "./origin.ts";
import { scriptCommand } from "./own-script.ts";
import { poll } from "./poll.ts";
import { type Command, main, type Surroundings } from "./program.ts";
import {
  findRegistration,
  type IssuedKey,
  isOver,
  issueKey,
  metadataOf,
  type Registration,
  startRegistration,
} from "./registration.ts";
import { printIssued, printSession, type StoredKey } from "./registration-lines.ts";
import { Settings } from "./settings.ts";
import { KEY_PLACE, pollFlags, SERVER_URL, SPEAKING } from "./shared-flags.ts";
import { Wire } from "./wire.ts";

const EXPIRED = 3;
const WATCH_SECONDS = "300.0";

const SESSION = {
  "session-id": { value: "ID", about: "the registration session", isRequired: true },
} satisfies FlagTable;

const ISSUE = {
  ...SESSION,
  label: {
    value: "TEXT",
    about: "what the key is called; empty for nothing",
    otherwise: "OpenClaw bootstrap",
  },
  store: { about: "keep the key in the auth profile, and do not show it" },
  ...KEY_PLACE,
} satisfies FlagTable;

/** A command with its server, or the dry run of it. */
function command(
  name: string,
  about: string,
  flags: FlagTable,
  run: (surroundings: Surroundings, registrar: Registrar) => Promise<number>,
): Command {
  return {
    about,
    flags: { ...flags, ...SPEAKING },
    run(surroundings) {
      const registrar = new Registrar(surroundings);
      if (!surroundings.flags.has("dry-run")) return run(surroundings, registrar);
      const { output, flags } = surroundings;
      const facts =
        name === "create"
          ? { auth_flow: flags.required("auth-flow") }
          : { session_id: flags.required("session-id") };
      const { origin, wire } = registrar;
      return dryRun(output, flags, { command: name, origin, wire, facts });
    },
  };
}

class Registrar {
  readonly settings: Settings;
  readonly origin: Origin;
  readonly wire: Wire;
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.settings = new Settings(surroundings.env);
    this.origin = findOrigin(this.settings, surroundings.flags.text("server-url"));
    this.wire = new Wire(this.origin, this.settings);
    this.#surroundings = surroundings;
  }

  /** The command line that goes on with a registration, at the same server. */
  next(command: string, id: string): string {
    const { flags } = this.#surroundings;
    const server = flags.has("server-url") ? ["--server-url", this.origin.url] : [];
    return scriptCommand("registration_session", [...server, command, "--session-id", id]);
  }

  /** Waits until nothing more happens to the registration. Fails where that takes too long. */
  async watch(): Promise<Registration> {
    const { flags, output } = this.#surroundings;
    const id = flags.required("session-id");
    let state = "";
    const polled = poll(
      flags,
      async () => {
        const registration = await findRegistration(this.wire, id);
        state = registration.state;
        return registration;
      },
      isOver,
    );
    const { value, isOver: isDone } = await output.waiting(
      () => `waiting for the approval in the browser · ${state}`,
      polled,
    );
    if (isDone) return value;
    throw new Failure(
      "timeout",
      `The registration is still ${value.state} after ${flags.required("timeout-seconds")} s. To go on: ${this.next("watch", id)}`,
    );
  }

  /** Fetches the key, and stores it where that is asked for. */
  async issue(registration: Registration): Promise<{ issued: IssuedKey; stored?: StoredKey }> {
    const { flags, output } = this.#surroundings;
    const label = flags.required("label");
    if (!flags.has("store")) return { issued: await issueKey(this.wire, registration, label) };
    const [profileId, agentId] = [flags.required("profile-id"), flags.required("agent-id")];
    const file = keyFile(this.settings, agentId);
    // A key is issued once: whether it can be kept is found out before.
    file.prepare();
    const issued = await issueKey(this.wire, registration, label);
    const { secret } = issued;
    if (secret === undefined) {
      throw new Failure("bad_response", "The answer has no secret: there is nothing to store.");
    }
    if (!flags.has("json")) output.keepSecret(secret);
    storeKey(file, profileId, secret, metadataOf(registration, issued, this.origin.url));
    const stored = { auth_store_path: file.path, profile_id: profileId, agent_id: agentId };
    return { issued, stored };
  }
}

function tell({ flags, output }: Surroundings, registration: Registration): number {
  if (flags.has("json")) output.json(registration.told);
  else printSession(output, registration);
  return registration.state === "expired" ? EXPIRED : 0;
}

async function create(surroundings: Surroundings, registrar: Registrar): Promise<number> {
  const { flags, output, env } = surroundings;
  const registration = await startRegistration(registrar.wire, flags.required("auth-flow"));
  const code = tell(surroundings, registration);
  if (flags.has("json") || isOver(registration)) return code;
  const { authorization_url, device_code } = fieldsOf(registration.told.handoff);
  output.line("");
  output.line("Next steps:");
  output.line(`- ${await invite(env, textOf(authorization_url))}`);
  if (device_code) output.field("- Use device code", device_code);
  output.line("- Keep polling the registration session until it is completed or expired:");
  output.line(`  ${registrar.next("watch", registration.id)}`);
  return code;
}

/** Opens the page that the server named, and no other, if it is one of the web. */
async function invite(env: Surroundings["env"], url: string | undefined): Promise<string> {
  if (url === undefined) return "The server named no page to open.";
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    return `The server named something that is no address of the web, and it was not opened: ${url}`;
  }
  const isOpen = await openBrowser(env, url);
  if (isOpen) return `A browser was opened at ${url}`;
  return `No browser could be opened here. Open this page in one: ${url}`;
}

async function issueApiKey(surroundings: Surroundings, registrar: Registrar): Promise<number> {
  const { flags, output } = surroundings;
  const registration = await findRegistration(registrar.wire, flags.required("session-id"));
  const { issued, stored } = await registrar.issue(registration);
  if (flags.has("json")) output.json({ ...issued.told, ...(stored && { stored: { ...stored } }) });
  else printIssued(output, registration, issued, stored);
  return 0;
}

async function bootstrap(surroundings: Surroundings, registrar: Registrar): Promise<number> {
  const { flags, output } = surroundings;
  const registration = await registrar.watch();
  if (registration.state === "expired") {
    throw new Failure(
      "registration_session_expired",
      `The registration has expired. Start another: ${scriptCommand("registration_session", ["create"])}`,
    );
  }
  const { issued, stored } = await registrar.issue(registration);
  if (flags.has("json")) {
    const told: JsonObject = { session: registration.told, issued: issued.told };
    output.json({ ...told, ...(stored && { stored: { ...stored } }) });
  } else {
    printSession(output, registration);
    printIssued(output, registration, issued, stored);
  }
  return 0;
}

const FLOW = {
  "auth-flow": {
    value: "FLOW",
    about: "how a person is asked",
    choices: ["device", "workos_callback"],
    otherwise: "device",
  },
} satisfies FlagTable;

await main({
  name: "registration_session",
  about: "Registers with an OpenMarlin server and fetches the first API key.",
  before: { "server-url": SERVER_URL },
  commands: {
    create: command("create", "Start a registration.", FLOW, create),
    status: command("status", "Look at a registration once.", SESSION, async (around, { wire }) =>
      tell(around, await findRegistration(wire, around.flags.required("session-id"))),
    ),
    watch: command(
      "watch",
      "Look until the registration is completed or expired.",
      { ...SESSION, ...pollFlags(WATCH_SECONDS) },
      async (around, registrar) => tell(around, await registrar.watch()),
    ),
    "issue-api-key": command("issue-api-key", "Fetch the key, once.", ISSUE, issueApiKey),
    bootstrap: command(
      "bootstrap",
      "Watch, then fetch the key.",
      { ...ISSUE, ...pollFlags(WATCH_SECONDS) },
      bootstrap,
    ),
  },
});

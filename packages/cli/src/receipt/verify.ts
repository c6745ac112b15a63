/**
 * Checks a receipt without asking anybody: its RFC 8785 text, and an Ed25519 signature over it by one
 * of the server's published keys.
 *
 *   guildhall receipt rct_… > receipt.json
 *   guildhall receipt verify receipt.json --keys guildhall-keys.json
 */
import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { usdOfMicros } from "@guildhall/protocol";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { Failure, messageOf } from "../failure.ts";
import { readNamedFile, readStdin } from "../input.ts";
import { openServer } from "../linkedclaw/api.ts";
import { usdText } from "../money.ts";
import { createServer, fieldsOf } from "../server.ts";
import { facts, type Page } from "../terminal/layout.ts";

const KEYS_PATH = "/.well-known/guildhall-keys.json";

type Fields = Readonly<Record<string, unknown>>;

export function addVerify(receipt: Command, cli: Cli): void {
  receipt
    .command("verify")
    .description("Check a receipt's signature; offline, with the server's keys in a file")
    .argument("<file>", "what the receipt command printed; - for stdin")
    .option("--keys <file_or_url>", `the server's public keys, from its ${KEYS_PATH}`)
    .action(async (file: string, options: { keys?: string }) => {
      const text = file === "-" ? await readStdin() : await readNamedFile(file);
      const signed = signedOf(parsed(text, file));
      const keys = await readKeys(cli, options.keys);
      const key = keys.find((one) => one.kid === signed.keyId);
      if (key === undefined) {
        throw unverified(`none of the ${keys.length} keys is ${signed.keyId}`, signed.keyId);
      }
      const { default: canonicalize } = await import("canonicalize");
      const body = canonicalize(signed.receipt) ?? "";
      if (!isSignedBy(key, body, signed.signature)) {
        throw unverified("the signature is not over this text", signed.keyId);
      }
      const { receipt_id, state, charged_micros } = signed.receipt;
      cli.terminal.answer(
        { ok: true, key_id: signed.keyId, receipt_id, state, charged_micros },
        (_, page) => drawn(signed.receipt, page),
      );
    });
}

/** What the signature vouches for, in words: the fields around it may say something else. */
function drawn({ receipt_id: id, state, charged_micros: micros }: Fields, page: Page): string {
  const what = [
    ["receipt", `rct_${id}`],
    ["state", String(state)],
    ["charged", usdText(usdOfMicros(BigInt(String(micros))))],
  ] as const;
  return `${page.paint.good("✔")} What is signed is genuine and unchanged.\n\n${facts(page, what)}`;
}

interface Signed {
  readonly receipt: Fields;
  readonly keyId: string;
  readonly signature: string;
}

/** What was signed. The fields around it are there for convenience, and nobody vouches for them. */
function signedOf(value: unknown): Signed {
  const { receipt, key_id: keyId, signature } = fieldsOf(value);
  if (typeof keyId === "string" && typeof signature === "string" && receipt !== undefined) {
    return { receipt: fieldsOf(receipt), keyId, signature };
  }
  throw new Failure("invalid_receipt", "This is no signed receipt.", {
    hint: 'It has "receipt", "key_id" and "signature", as the receipt command prints them.',
  });
}

async function readKeys(cli: Cli, named: string | undefined): Promise<Fields[]> {
  const keys = fieldsOf(await keysDocument(cli, named)).keys;
  if (Array.isArray(keys)) return keys.map(fieldsOf);
  throw new Failure("invalid_keys", "The public keys are not as a server publishes them.");
}

async function keysDocument(cli: Cli, named: string | undefined): Promise<unknown> {
  if (named === undefined) {
    const settings = await cli.settings();
    return openServer(cli, settings).ask({ method: "GET", path: KEYS_PATH });
  }
  if (!/^https?:\/\//.test(named)) return parsed(await readNamedFile(named), named);
  const { origin, pathname } = new URL(named);
  const server = createServer({
    url: origin,
    headers: {},
    unreachableHint: "Give the keys as a file instead.",
    onAnswer: () => undefined,
  });
  return server.ask({ method: "GET", path: pathname === "/" ? KEYS_PATH : pathname });
}

function isSignedBy(key: Fields, body: string, signature: string): boolean {
  if (key.kty !== "OKP" || key.crv !== "Ed25519") return false;
  try {
    const publicKey = createPublicKey({ key: key as JsonWebKey, format: "jwk" });
    return verify(null, Buffer.from(body), publicKey, Buffer.from(signature, "base64url"));
  } catch {
    // A key that is none signs nothing.
    return false;
  }
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure("invalid_receipt", `${name} is not JSON: ${messageOf(error)}`);
  }
}

function unverified(why: string, keyId: string): Failure {
  return new Failure("receipt_not_verified", `The receipt is not genuine: ${why}.`, {
    facts: { key_id: keyId },
  });
}

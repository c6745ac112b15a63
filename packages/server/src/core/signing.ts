/** What this server says for good: RFC 8785 text, signed with Ed25519 by a key that is published. */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import canonicalize from "canonicalize";
import type { Clock } from "../lib/clock.ts";
import type { Sealer } from "../lib/seal.ts";
import type { Database } from "../store/database.ts";
import {
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  type SigningKeyRecord,
} from "../store/receipt.ts";

export interface SignedText {
  /** RFC 8785. */
  readonly text: string;
  readonly keyId: string;
  /** Ed25519 over the text, base64url. */
  readonly signature: string;
}

export interface Signer {
  sign(body: object): Promise<SignedText>;
  /** The published keys as a JWK set: also retired ones, so that what they signed still verifies. */
  publicKeys(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly sealer: Sealer;
}

export function createSigner(deps: Dependencies): Signer {
  return {
    async sign(body) {
      const text = canonicalize(body);
      if (text === undefined) throw new Error("what is to be signed is no JSON");
      const key = await signingKey(deps);
      const pem = deps.sealer.open(key.privateKey, recordOf(key.id)).toString();
      const signature = sign(null, Buffer.from(text), createPrivateKey(pem)).toString("base64url");
      return { text, keyId: key.id, signature };
    },
    async publicKeys() {
      const keys = await listSigningKeys(deps.database);
      return keys.map(({ id, publicJwk }) => ({ ...publicJwk, kid: id, use: "sig", alg: "EdDSA" }));
    },
  };
}

/** The key that signs now. Whoever signs first makes it. */
async function signingKey(deps: Dependencies): Promise<SigningKeyRecord> {
  const isCurrent = (key: SigningKeyRecord): boolean => key.retiredAt === undefined;
  const known = (await listSigningKeys(deps.database)).find(isCurrent);
  if (known) return known;
  const made = await makeKey(deps);
  return deps.database.transaction(async (tx) => {
    await lockSigningKeys(tx);
    const other = (await listSigningKeys(tx)).find(isCurrent);
    if (other) return other;
    await insertSigningKey(tx, made);
    return made;
  });
}

/** The id is the key's RFC 7638 thumbprint, so that nobody can publish another key under it. */
async function makeKey({ clock, sealer }: Dependencies): Promise<SigningKeyRecord> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const publicJwk = publicKey.export({ format: "jwk" });
  // Loaded for the one time in a server's life.
  const { calculateJwkThumbprint } = await import("jose");
  const id = await calculateJwkThumbprint(publicJwk as never);
  const pem = privateKey.export({ format: "pem", type: "pkcs8" });
  return {
    id,
    publicJwk: publicJwk as Record<string, unknown>,
    privateKey: sealer.seal(pem, recordOf(id)),
    createdAt: clock.now(),
    retiredAt: undefined,
  };
}

function recordOf(keyId: string): string {
  return `signing-key/${keyId}/private`;
}

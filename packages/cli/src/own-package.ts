/** What the package of our commands says of itself. */
import { readFileSync } from "node:fs";

export interface OwnPackage {
  readonly version: string;
  /** The server that it was installed from; a checkout has none. */
  readonly server: string | undefined;
}

/** Reads `package.json`: one directory up, in a checkout as well as in what `distribution/` makes. */
export function ownPackage(): OwnPackage {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version, guildhall } = JSON.parse(text) as {
    version: string;
    guildhall?: { server?: string };
  };
  return { version, server: guildhall?.server };
}

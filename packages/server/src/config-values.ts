/** What settings' texts come to, or why they cannot be used. */
import { isIP } from "node:net";

/** A setting that cannot be followed. The message says which and what it should be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export function list(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function wholeNumber(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new ConfigError(`${name} must be a whole number from ${least} to ${most}.`);
}

export function oneOf<T extends string>(text: string, name: string, values: readonly T[]): T {
  const found = values.find((value) => value === text);
  if (found) return found;
  throw new ConfigError(`${name} must be one of ${values.join(", ")}.`);
}

export function isOn(text: string, name: string): boolean {
  return oneOf(text, name, ["on", "off"]) === "on";
}

/** An origin: without a path, and without a slash at its end. */
export function readPublicUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new ConfigError("PUBLIC_URL must be an http or https address.");
  }
  const { origin, pathname } = new URL(text);
  if (pathname !== "/") throw new ConfigError("PUBLIC_URL must have no path.");
  return origin;
}

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "");
  if (isIP(name) === 4) return name.startsWith("127.");
  return name === "localhost" || name === "::1";
}

/** What settings' texts come to, or why they cannot be used. */

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

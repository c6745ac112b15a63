/**
 * What we need ourselves does not answer at the moment. Whoever asked did nothing wrong and may ask
 * again; whether what was under way was done is not known.
 */
export class Outage extends Error {
  override readonly name = "Outage";
  /** What the driver or the database called it, if anything. */
  readonly code: string | undefined;

  constructor(cause: Error & { readonly code?: unknown }) {
    super(cause.message, { cause });
    this.code = typeof cause.code === "string" ? cause.code : undefined;
  }
}

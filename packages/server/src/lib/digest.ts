import { hash, timingSafeEqual } from "node:crypto";

/** SHA-256 of a text in UTF-8. Fit for secrets with at least 128 bits of chance, not for passwords. */
export function sha256(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

/** Whether two digests are the same, in a time that tells nothing about where they differ. */
export function isSameDigest(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

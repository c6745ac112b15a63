/**
 * The directory at the end of a ZIP: what is in it, by name, without unpacking anything.
 */

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const COMMENT_BYTES_MAX = 0xffff;

/** How much of a file's end is enough to find where its directory is. */
export const ZIP_TAIL_BYTES = END_BYTES + COMMENT_BYTES_MAX;
/** An office document has a few dozen entries; a directory beyond this is not read. */
export const ZIP_DIRECTORY_BYTES_MAX = 1024 * 1024;

export interface ZipDirectory {
  readonly offset: number;
  readonly bytes: number;
}

/** Where the directory is, told by the file's last bytes; `undefined` when it is no whole ZIP. */
export function findZipDirectory(tail: Uint8Array, fileBytes: number): ZipDirectory | undefined {
  const view = viewOf(tail);
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    // The comment runs to the file's end, or this is a signature inside a comment.
    if (at + END_BYTES + view.getUint16(at + 20, true) !== tail.length) continue;
    const bytes = view.getUint32(at + 12, true);
    const offset = view.getUint32(at + 16, true);
    const endAt = fileBytes - tail.length + at;
    return bytes <= ZIP_DIRECTORY_BYTES_MAX && offset + bytes <= endAt
      ? { offset, bytes }
      : undefined;
  }
  return undefined;
}

/** The names in a directory, as far as it can be read. */
export function zipEntryNames(directory: Uint8Array): string[] {
  const view = viewOf(directory);
  const decoder = new TextDecoder();
  const names: string[] = [];
  let at = 0;
  while (at + ENTRY_BYTES <= directory.length && view.getUint32(at, true) === ENTRY_SIGNATURE) {
    const nameBytes = view.getUint16(at + 28, true);
    const restBytes = view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const nameAt = at + ENTRY_BYTES;
    names.push(decoder.decode(directory.subarray(nameAt, nameAt + nameBytes)));
    at = nameAt + nameBytes + restBytes;
  }
  return names;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

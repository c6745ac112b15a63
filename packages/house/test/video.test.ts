/** Videos that are really made: encoded, decoded again, and looked at. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { promisify } from "node:util";
import sharp from "sharp";
import { findFfmpeg } from "../src/video/ffmpeg.ts";
import { drawablePartOf, letter } from "../src/video/lettering.ts";
import { fileNamed, fixture, makes, refuses, run } from "./support/house.ts";

interface Seen {
  /** Each frame as 8 × 8 pixels of red, green and blue. */
  readonly frames: readonly Buffer[];
  readonly bytes: Buffer;
}

/** Takes a video apart with ffmpeg itself. */
async function look(bytes: Buffer): Promise<Seen> {
  const folder = await mkdtemp(`${tmpdir()}/guildhall-look-`);
  try {
    await writeFile(`${folder}/video.mp4`, bytes);
    const args = ["-v", "error", "-i", `${folder}/video.mp4`, "-vf", "scale=8:8:flags=area"];
    const { stdout } = await promisify(execFile)(
      await findFfmpeg(),
      [...args, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"],
      { encoding: "buffer", maxBuffer: 64 * 1024 * 1024 },
    );
    const frames = Array.from({ length: stdout.length / 192 }, (_, index) =>
      stdout.subarray(index * 192, (index + 1) * 192),
    );
    return { frames, bytes };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const meanOf = (frame: Buffer) => frame.reduce((sum, value) => sum + value, 0) / frame.length;
const differenceOf = (a: Buffer, b: Buffer) =>
  a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
const noFolderIsLeft = async () =>
  assert.deepEqual(
    (await readdir(tmpdir())).filter((name) => name.startsWith(`guildhall-video-${process.pid}-`)),
    [],
  );

/** A picture of one colour. */
async function plain(colour: string, width = 640, height = 360): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

test("pictures become a video: in their order, of the asked length and shape, with progress", async () => {
  const shares: number[] = [];
  const { output, files } = await makes(
    "video",
    {
      prompt: 'Two colours: "Red", "Blue"',
      media: [
        fileNamed("red.png", await plain("#d02020")),
        fileNamed("blue.png", await plain("#2020d0", 300, 500)),
      ],
      ...{ duration_ms: 2_400, aspect_ratio: "1:1" },
    },
    (share) => shares.push(share),
  );
  assert.deepEqual(
    [output.duration_ms, output.width, output.height, output.warnings],
    [2_400, 960, 960, []],
  );
  const [video = Buffer.alloc(0)] = files;
  assert.equal(output.bytes, video.length);
  const { frames } = await look(video);
  assert.equal(frames.length, 60);
  const colourAt = (frame: number) => {
    const pixels = frames[frame] ?? Buffer.alloc(192);
    // The second row: above the words.
    return [pixels[24 + 12] ?? 0, pixels[24 + 14] ?? 0];
  };
  const [red = 0, none = 0] = colourAt(18);
  assert.ok(red > 150 && none < 80, `${red} ${none}`);
  const [left = 0, blue = 0] = colourAt(45);
  assert.ok(blue > 150 && left < 80, `${left} ${blue}`);
  assert.ok(differenceOf(frames[29] as Buffer, frames[30] as Buffer) < 40, "faded, not cut");
  assert.ok(meanOf(frames[59] as Buffer) < 20, "it ends in black");
  const at = (name: string) => video.indexOf(name, 0, "latin1");
  assert.ok(
    at("avc1") > 0 && at("moov") > 0 && at("moov") < at("mdat"),
    "starts before it is all there",
  );
  assert.ok(shares.length >= 4, `${shares}`);
  assert.equal(shares[0], 0, "it says that it begins");
  assert.deepEqual(
    shares,
    [...shares].sort((a, b) => a - b),
    "it never goes back",
  );
  await noFolderIsLeft();
});

test("without pictures, words are shown on a painted ground, the same for the same prompt", async () => {
  const asked = { prompt: "Guildhall", duration_ms: 1_000, aspect_ratio: "4:1" };
  const [first, second] = [await makes("video", asked), await makes("video", asked)];
  assert.deepEqual([first.output.width, first.output.height], [1920, 480]);
  const seen = await look(first.files[0] as Buffer);
  assert.equal(seen.frames.length, 25);
  const middle = seen.frames[12] as Buffer;
  assert.ok(new Set(middle).size > 40, "it is not of one colour");
  const again = await look(second.files[0] as Buffer);
  assert.ok(differenceOf(middle, again.frames[12] as Buffer) < 2);
});

test("what is no picture, or a broken one, is refused by its place; nothing is left behind", async () => {
  const coffee = fileNamed("coffee.jpg", await fixture("coffee.jpg"));
  const broken = fileNamed("broken.jpg", (await fixture("coffee.jpg")).subarray(0, 2_000));
  const text = fileNamed("notes.png", Buffer.from("no picture at all"));
  const svg = fileNamed("drawn.svg", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'));
  const clip = fileNamed("clip.mp4", Buffer.from("\0\0\0\x18ftypmp42"));
  const video = (media: object[], more = {}) => run("video", { prompt: "x", media, ...more });
  await refuses("invalid_file", /^media\.1: .*damaged/, video([coffee, broken]));
  for (const other of [text, svg, clip]) {
    await refuses("unsupported_media_type", /^media\.0: /, video([other]));
  }
  await refuses("invalid_request", /aspect_ratio/, video([], { aspect_ratio: "5:1" }));
  await refuses("invalid_request", /aspect_ratio/, video([], { aspect_ratio: "wide" }));
  await refuses("invalid_request", /duration_ms/, video([], { duration_ms: 600_001 }));
  await refuses("invalid_request", /media/, video(Array(17).fill(coffee)));
  await refuses("invalid_request", /prompt/, run("video", { prompt: "" }));
  await noFolderIsLeft();
});

test("a video that is not wanted any more stops at once, also one that waits for its turn", async () => {
  const asked = { prompt: "A long one", duration_ms: 60_000 };
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const first = makes("video", asked, (share) => share > 0.2 && begun.resolve(), stop.signal);
  const second = makes("video", asked, () => assert.fail("it has not begun"), stop.signal);
  await begun.promise;
  stop.abort(new Error("not wanted"));
  const results = await Promise.allSettled([first, second]);
  for (const result of results) {
    assert.equal(result.status, "rejected");
    assert.match(String(result.reason), /not wanted/);
  }
  // The next one is not kept from its turn, and begins only when the folder is gone.
  await makes("video", { prompt: "x", duration_ms: 500 });
  await noFolderIsLeft();
});

test("letters for which there is no font are left out, and never shown as boxes", async () => {
  const known = "Ünïcode Καλημέρα Утро שלום صباح <&>";
  assert.equal(await drawablePartOf(known), known);
  // Nobody has letters here: these places are kept for private use.
  assert.equal(await drawablePartOf("one \u{f0001}\u{f0002} two"), "one two");
  const style = { size: 40, widthMax: 400, align: "left", colour: "#ffffff" } as const;
  assert.equal(await letter("\u{f0001}", style), undefined);
  const drawn = await letter("a few words that go over several lines", style);
  assert.ok(drawn && drawn.width <= 400 && drawn.height > 60, JSON.stringify(drawn));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { fileNamed, fixture, refuses, run } from "./support/house.ts";

interface Box {
  xmin: number;
  ymin: number;
  xmax: number;
  ymax: number;
}

async function faces(name: string, bytes?: Uint8Array) {
  const output = await run("face-detect", { image: fileNamed(name, bytes) });
  return output as {
    count: number;
    predictions: { score: number; box: Box }[];
    image: { width: number; height: number };
  };
}

async function tags(name: string, bytes?: Uint8Array): Promise<Map<string, string>> {
  const output = await run("image_tagging", { image: fileNamed(name, bytes) });
  const found = output.tags as { label: string; source: string }[];
  return new Map(found.map(({ label, source }) => [label, source]));
}

function holds(box: Box | undefined, x: number, y: number): boolean {
  return box !== undefined && box.xmin < x && x < box.xmax && box.ymin < y && y < box.ymax;
}

/** Where the nose is in `portrait.jpg`, and about how wide the face is. */
const NOSE = { x: 175, y: 105 };

test("the face in a portrait is found where it is", async () => {
  const { count, predictions, image } = await faces("portrait.jpg");
  assert.equal(count, 1);
  assert.deepEqual(image, { width: 400, height: 400 });
  assert.ok(holds(predictions[0]?.box, NOSE.x, NOSE.y), JSON.stringify(predictions));
  const { xmin = 0, xmax = 0 } = predictions[0]?.box ?? {};
  assert.ok(xmax - xmin > 60 && xmax - xmin < 180);
});

test("where nobody is, no face is found", async () => {
  assert.deepEqual((await faces("coffee.jpg")).predictions, []);
});

test("small faces in a large picture are found, each once", async () => {
  const portrait = await sharp(await fixture("portrait.jpg"))
    .resize(160)
    .toBuffer();
  const places = [100, 560, 1_050].flatMap((left) => [60, 480].map((top) => ({ left, top })));
  const group = await sharp({
    create: { width: 1_280, height: 720, channels: 3, background: "#8899aa" },
  })
    .composite(places.map((place) => ({ input: portrait, ...place })))
    .jpeg()
    .toBuffer();
  const { count, predictions } = await faces("group.jpg", group);
  assert.equal(count, places.length, JSON.stringify(predictions));
  for (const { left, top } of places) {
    const found = predictions.filter(({ box }) =>
      holds(box, left + NOSE.x * 0.4, top + NOSE.y * 0.4),
    );
    assert.equal(found.length, 1);
  }
});

test("a picture that its file says to turn is turned before anything is looked for", async () => {
  const upright = await sharp(await fixture("portrait.jpg"))
    .extend({ right: 200, background: "#000" })
    .toBuffer();
  const turned = await sharp(upright).rotate(90).withMetadata({ orientation: 8 }).jpeg().toBuffer();
  const { count, image, predictions } = await faces("turned.jpg", turned);
  assert.deepEqual(image, { width: 600, height: 400 });
  assert.equal(count, 1);
  assert.ok(holds(predictions[0]?.box, NOSE.x, NOSE.y), JSON.stringify(predictions));
});

test("PNG, WebP and GIF are read like JPEG", async () => {
  const photo = sharp(await fixture("portrait.jpg"));
  for (const kind of ["png", "webp", "gif"] as const) {
    const bytes = await photo.clone().toFormat(kind).toBuffer();
    assert.equal((await faces(`a.${kind}`, bytes)).count, 1, kind);
  }
});

test("things are named, and colours and light are counted", async () => {
  assert.equal((await tags("coffee.jpg")).get("cup"), "object");
  assert.equal((await tags("portrait.jpg")).get("person"), "object");
  const night = await sharp({
    create: { width: 64, height: 64, channels: 3, background: "#000080" },
  })
    .png()
    .toBuffer();
  const found = await tags("night.png", night);
  assert.equal(found.get("blue"), "colour");
  assert.equal(found.get("graphic"), "scene");
});

test("what is no picture, or not whole, or too large, is refused", async () => {
  const photo = await fixture("portrait.jpg");
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  await refuses("unsupported_media_type", /none of JPEG/, faces("a.png", svg));
  await refuses("unsupported_media_type", /none of JPEG/, faces("a.jpg", Buffer.alloc(0)));
  await refuses("invalid_file", /damaged/, faces("b.jpg", photo.subarray(0, 9_000)));
  const huge = await sharp({
    create: { width: 12_000, height: 5_000, channels: 3, background: "#fff" },
  })
    .png({ compressionLevel: 1 })
    .toBuffer();
  await refuses("invalid_file", /50 million pixels/, faces("huge.png", huge));
});

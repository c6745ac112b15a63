/**
 * The vision models: `@vladmandic/human` on TensorFlow's WebAssembly backend. Models and backend are
 * files inside packages; they are read from disk, and nothing is fetched from a network.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Human } from "@vladmandic/human";
import type { Picture } from "./picture.ts";

/** A rectangle in pixels of the picture that was looked at. */
export interface Found {
  label: string;
  /** From 0 to 1. */
  score: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Look = "faces" | "objects";

const require = createRequire(import.meta.url);
/** Most faces and objects that one look can find. */
const FOUND_MAX = 100;

let loading: Promise<Human> | undefined;

/** Looks for faces or objects. One look at a time: the library keeps its state in one place. */
export async function look(
  kind: Look,
  pixels: Uint8Array,
  size: Pick<Picture, "pixelsWidth" | "pixelsHeight">,
  scoreMin: number,
): Promise<Found[]> {
  loading ??= load();
  const human = await loading;
  const tensor = human.tf.tensor3d(pixels, [size.pixelsHeight, size.pixelsWidth, 3], "int32");
  try {
    const result = await human.detect(tensor, {
      face: { enabled: kind === "faces", detector: { minConfidence: scoreMin } },
      object: { enabled: kind === "objects", minConfidence: scoreMin },
    });
    if (result.error) throw new Error(`The vision library failed: ${result.error}`);
    if (kind === "faces") {
      return result.face.map(({ box, score }) => ({ label: "face", score, ...rectangle(box) }));
    }
    return result.object.map(({ box, score, label }) => {
      return { label: String(label), score, ...rectangle(box) };
    });
  } finally {
    human.tf.dispose(tensor);
  }
}

function rectangle([x, y, width, height]: readonly [number, number, number, number]) {
  return { x, y, width, height };
}

async function load(): Promise<Human> {
  const dist = dirname(require.resolve("@vladmandic/human"));
  readModelsFromDisk();
  // The package's exports hide the build for Node with WebAssembly, so it is named by its path.
  const library = require(join(dist, "human.node-wasm.js")) as { Human: typeof Human };
  const backend = dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"));
  const human = new library.Human({
    backend: "wasm",
    wasmPath: join(backend, "dist/"),
    modelBasePath: pathToFileURL(join(dist, "../models/")).href,
    cacheModels: false,
    debug: false,
    async: false,
    // The same picture may be sent twice, and each answer must be complete.
    cacheSensitivity: 0,
    filter: { enabled: false },
    gesture: { enabled: false },
    body: { enabled: false },
    hand: { enabled: false },
    segmentation: { enabled: false },
    object: { enabled: true, maxDetected: FOUND_MAX, skipFrames: 0 },
    face: {
      enabled: true,
      detector: { rotation: false, maxDetected: FOUND_MAX, skipFrames: 0, return: false },
      mesh: { enabled: false },
      attention: { enabled: false },
      iris: { enabled: false },
      description: { enabled: false },
      emotion: { enabled: false },
      antispoof: { enabled: false },
      liveness: { enabled: false },
    },
  });
  await human.load();
  return human;
}

/** The library loads models by `fetch`, and Node's knows no files. This thread fetches nothing else. */
function readModelsFromDisk(): void {
  globalThis.fetch = async (target) => {
    const url = String(target instanceof Request ? target.url : target);
    if (!url.startsWith("file:")) throw new Error("The vision models are read from disk only.");
    return new Response(new Uint8Array(await readFile(fileURLToPath(url))));
  };
}

/** How the benchmark's streams come: so many frames, so many milliseconds apart. */
export const FRAMES = 64;
export const FRAME_MS = 20;

/** As much of a socket as this needs. */
interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * Makes a function to call before each write to a socket: what is written in one turn of the event
 * loop then leaves in one call of the system, and arrives as one. Nothing waits for longer than the turn.
 */
export function corkedTurns(socket: Corkable): () => void {
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    socket.uncork();
  };
  return () => {
    if (isCorked) return;
    isCorked = true;
    socket.cork();
    setImmediate(uncork);
  };
}

/**
 * How many provider sockets may be open, and how fast they may be opened: in all, from one address,
 * and for one workspace. Each process counts its own.
 */
import type { Clock } from "../../lib/clock.ts";

export interface AdmissionLimits {
  /** Open sockets of this process. */
  readonly socketsMax: number;
  readonly perAddressMax: number;
  readonly perWorkspaceMax: number;
  /** New sockets from one address: per second, and at once, as when a server restarts. */
  readonly connectsPerSecond: number;
  readonly connectsBurst: number;
}

export const ADMISSION_LIMITS: AdmissionLimits = {
  socketsMax: 20_000,
  perAddressMax: 512,
  perWorkspaceMax: 256,
  connectsPerSecond: 10,
  connectsBurst: 512,
};

/** A socket's place. */
export interface Ticket {
  /** Counts the socket for a workspace once it is known; `false` when that has too many. */
  claim(workspaceId: string): boolean;
  /** Gives the place back; more than once is no harm. */
  leave(): void;
}

interface Address {
  open: number;
  tokens: number;
  filledAtMs: number;
}

/** Addresses are forgotten once nothing is known against them, checked this often. */
const FORGET_EVERY = 1_000;

export class Admission {
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  readonly #addresses = new Map<string, Address>();
  readonly #workspaces = new Map<string, number>();
  #open = 0;
  #entries = 0;

  constructor(clock: Clock, limits: AdmissionLimits = ADMISSION_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Lets a socket in, or says why not. */
  enter(remoteAddress: string): Ticket | { readonly problem: string } {
    this.#entries += 1;
    if (this.#entries % FORGET_EVERY === 0) this.#forgetIdle();
    const name = addressGroup(remoteAddress);
    const address = this.#find(name);
    if (address.tokens < 1) return { problem: "Too many connections in a short time." };
    address.tokens -= 1;
    if (this.#open >= this.#limits.socketsMax) return { problem: "The server is full." };
    if (address.open >= this.#limits.perAddressMax) {
      return { problem: "Too many connections from one address." };
    }
    address.open += 1;
    this.#open += 1;
    return this.#ticket(address);
  }

  #ticket(address: Address): Ticket {
    let claimed: string | undefined;
    let hasLeft = false;
    return {
      claim: (workspaceId) => {
        const open = this.#workspaces.get(workspaceId) ?? 0;
        if (open >= this.#limits.perWorkspaceMax) return false;
        this.#workspaces.set(workspaceId, open + 1);
        claimed = workspaceId;
        return true;
      },
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        address.open -= 1;
        this.#open -= 1;
        if (claimed === undefined) return;
        const open = (this.#workspaces.get(claimed) ?? 1) - 1;
        if (open === 0) this.#workspaces.delete(claimed);
        else this.#workspaces.set(claimed, open);
      },
    };
  }

  #find(name: string): Address {
    const nowMs = this.#clock.now().getTime();
    const { connectsPerSecond, connectsBurst } = this.#limits;
    const known = this.#addresses.get(name);
    const address = known ?? { open: 0, tokens: connectsBurst, filledAtMs: nowMs };
    const filled = (Math.max(0, nowMs - address.filledAtMs) * connectsPerSecond) / 1000;
    address.tokens = Math.min(connectsBurst, address.tokens + filled);
    address.filledAtMs = nowMs;
    if (!known) this.#addresses.set(name, address);
    return address;
  }

  #forgetIdle(): void {
    for (const name of [...this.#addresses.keys()]) {
      const { open, tokens } = this.#find(name);
      if (open === 0 && tokens >= this.#limits.connectsBurst) this.#addresses.delete(name);
    }
  }
}

/** An IPv4 address as it is; of an IPv6 address the first 64 bits, all of which one host has. */
export function addressGroup(remoteAddress: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress);
  if (mapped?.[1]) return mapped[1];
  if (!remoteAddress.includes(":")) return remoteAddress;
  const [head = "", tail] = remoteAddress.split("::");
  const groups = head.split(":").filter(Boolean);
  const after = tail?.split(":").filter(Boolean) ?? [];
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  const whole = [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...after];
  return whole.slice(0, 4).join(":");
}

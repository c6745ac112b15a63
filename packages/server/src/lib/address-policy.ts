/**
 * Which network addresses a request that a stranger caused may go to: the public internet, and
 * loopback where a setting opens it. Everything else could be a machine of the operator's.
 */
import { BlockList, isIP } from "node:net";

export type AddressKind = "public" | "loopback" | "refused";

// biome-ignore format: read as a table (IANA special-purpose address registries, RFC 6890)
const SPECIAL_V4: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ["0.0.0.0",         8, "this network"],
  ["10.0.0.0",        8, "private"],
  ["100.64.0.0",     10, "carrier-grade NAT"],
  ["127.0.0.0",       8, "loopback"],
  ["169.254.0.0",    16, "link-local; clouds serve credentials here"],
  ["172.16.0.0",     12, "private"],
  ["192.0.0.0",      24, "protocol assignments"],
  ["192.0.2.0",      24, "documentation"],
  ["192.31.196.0",   24, "AS112"],
  ["192.52.193.0",   24, "multicast tunnelling"],
  ["192.88.99.0",    24, "6to4 relays"],
  ["192.168.0.0",    16, "private"],
  ["192.175.48.0",   24, "AS112"],
  ["198.18.0.0",     15, "benchmarking"],
  ["198.51.100.0",   24, "documentation"],
  ["203.0.113.0",    24, "documentation"],
  ["224.0.0.0",       4, "multicast"],
  ["240.0.0.0",       4, "reserved, broadcast"],
];

// biome-ignore format: read as a table
const SPECIAL_V6: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ["2001::",         23, "protocol assignments: Teredo, ORCHID, benchmarking"],
  ["2001:db8::",     32, "documentation"],
  ["2002::",         16, "6to4: leads to an IPv4 address of the sender's choice"],
  ["3fff::",         20, "documentation"],
];

const specialV4 = new BlockList();
for (const [network, prefix] of SPECIAL_V4) specialV4.addSubnet(network, prefix, "ipv4");

/** Global unicast is all there is of public IPv6; mapped, NAT64 and local ranges lie outside it. */
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");
const specialV6 = new BlockList();
for (const [network, prefix] of SPECIAL_V6) specialV6.addSubnet(network, prefix, "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");

/** What lies behind an IP address given as text. What is no IP address is refused. */
export function kindOfAddress(address: string): AddressKind {
  // A zone ("fe80::1%eth0") only makes sense on a local link.
  if (address.includes("%")) return "refused";
  const family = isIP(address);
  if (family === 4) {
    if (loopback.check(address, "ipv4")) return "loopback";
    return specialV4.check(address, "ipv4") ? "refused" : "public";
  }
  if (family === 6) {
    if (isLoopbackV6(address)) return "loopback";
    // BlockList matches IPv4-mapped addresses against IPv4 rules only, so the list of what is
    // allowed decides: a mapped address is in neither.
    return globalV6.check(address, "ipv6") && !specialV6.check(address, "ipv6")
      ? "public"
      : "refused";
  }
  return "refused";
}

/** `::1` in any spelling. */
function isLoopbackV6(address: string): boolean {
  return new URL(`http://[${address}]/`).hostname === "[::1]";
}

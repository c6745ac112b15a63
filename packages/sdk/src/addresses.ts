/**
 * Where a stranger's URL may lead: to public addresses. Whoever pays for a run writes its input, and
 * this program may stand in a network that they cannot reach themselves.
 */
import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

// biome-ignore format: read as a table (IANA special-purpose registries, RFC 6890)
const NOT_PUBLIC_V4 = [
  ["0.0.0.0", 8],      ["10.0.0.0", 8],      ["100.64.0.0", 10],  ["127.0.0.0", 8],    ["169.254.0.0", 16],
  ["172.16.0.0", 12],  ["192.0.0.0", 24],    ["192.0.2.0", 24],   ["192.88.99.0", 24], ["192.168.0.0", 16],
  ["198.18.0.0", 15],  ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 4],    ["240.0.0.0", 4],
] as const;
/** Inside global unicast: Teredo and its like, documentation, and 6to4, which carries an IPv4 address. */
const NOT_PUBLIC_V6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const notPublic = new BlockList();
for (const [network, prefix] of NOT_PUBLIC_V4) notPublic.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of NOT_PUBLIC_V6) notPublic.addSubnet(network, prefix, "ipv6");
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");

/** Whether an IP address is of the public internet. What is no IP address is not. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !notPublic.check(address, "ipv4");
    case 6:
      // Mapped, translated and local addresses lie outside of global unicast.
      return globalV6.check(address, "ipv6") && !notPublic.check(address, "ipv6");
    default:
      return false;
  }
}

/** The IP address that stands in a URL instead of a name, if one does. */
export function literalAddress(url: URL): string | undefined {
  const address = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(address) === 0 ? undefined : address;
}

/**
 * Resolves a name for a connection, and fails where any of its addresses is not public. The
 * connection is made to what was checked, so a name that changes its mind gains nothing.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, "", 0);
    const [first] = addresses;
    if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
      return callback(new Error(`${hostname} is not on the public internet`), "", 0);
    }
    if (options.all) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

import assert from "node:assert/strict";
import { test } from "node:test";
import { type AddressKind, kindOfAddress } from "./address-policy.ts";

// biome-ignore format: read as a table
const CASES: readonly (readonly [address: string, kind: AddressKind, why: string])[] = [
  ["93.184.215.14",          "public",   "an ordinary address"],
  ["1.1.1.1",                "public",   "an ordinary address"],
  ["172.32.0.1",             "public",   "just past the private range"],
  ["100.128.0.1",            "public",   "just past carrier-grade NAT"],
  ["2606:2800:21f::1",       "public",   "an ordinary address"],
  ["2a00:1450:4001::200e",   "public",   "an ordinary address"],
  ["127.0.0.1",              "loopback", "this machine"],
  ["127.255.255.254",        "loopback", "the whole of 127/8"],
  ["::1",                    "loopback", "this machine"],
  ["0:0:0:0:0:0:0:1",        "loopback", "the same, written out"],
  ["0.0.0.0",                "refused",  "connects to this machine on Linux"],
  ["10.0.0.1",               "refused",  "private"],
  ["172.16.0.1",             "refused",  "private"],
  ["172.31.255.255",         "refused",  "private"],
  ["192.168.1.1",            "refused",  "private"],
  ["100.64.0.1",             "refused",  "carrier-grade NAT"],
  ["169.254.169.254",        "refused",  "a cloud's metadata"],
  ["192.0.2.1",              "refused",  "documentation"],
  ["198.18.0.1",             "refused",  "benchmarking"],
  ["224.0.0.1",              "refused",  "multicast"],
  ["255.255.255.255",        "refused",  "broadcast"],
  ["::",                     "refused",  "unspecified: connects to this machine"],
  ["::ffff:127.0.0.1",       "refused",  "IPv4-mapped"],
  ["::ffff:7f00:1",          "refused",  "IPv4-mapped, in hex"],
  ["::ffff:93.184.215.14",   "refused",  "IPv4-mapped, whatever it maps"],
  ["::127.0.0.1",            "refused",  "IPv4-compatible"],
  ["64:ff9b::a9fe:a9fe",     "refused",  "NAT64 of 169.254.169.254"],
  ["64:ff9b:1::a00:1",       "refused",  "local NAT64"],
  ["2002:7f00:1::",          "refused",  "6to4 of 127.0.0.1"],
  ["2001:0:4136:e378::",     "refused",  "Teredo"],
  ["2001:db8::1",            "refused",  "documentation"],
  ["fe80::1",                "refused",  "link-local"],
  ["fe80::1%eth0",           "refused",  "link-local with a zone"],
  ["2606:2800:21f::1%eth0",  "refused",  "a zone has no place in a public address"],
  ["fc00::1",                "refused",  "unique local"],
  ["fd12:3456::1",           "refused",  "unique local"],
  ["fec0::1",                "refused",  "site-local"],
  ["ff02::1",                "refused",  "multicast"],
  ["0177.0.0.1",             "refused",  "octal is no address here; URLs have undone it before"],
  ["2130706433",             "refused",  "nor is a number"],
  ["localhost",              "refused",  "nor is a name"],
  ["",                       "refused",  "nor is nothing"],
];

test("only public addresses are public", () => {
  assert.deepEqual(
    CASES.map(([address]) => [address, kindOfAddress(address)]),
    CASES.map(([address, kind]) => [address, kind]),
  );
});

import { BlockList, isIP } from 'node:net';

/**
 * Addresses that are this machine's or its network's own, where services trust whoever asks: unspecified, loopback,
 * link-local (cloud metadata is 169.254.169.254 and fd00:ec2::254), multicast, reserved (RFC 6890).
 */
const OWN = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  OWN.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
] as const) {
  OWN.addSubnet(net, prefix, 'ipv6');
}
const CARRIER = new BlockList();
CARRIER.addAddress('100.100.100.200', 'ipv4'); // metadata of Alibaba Cloud
CARRIER.addAddress('168.63.129.16', 'ipv4'); // Azure's own services

/** Whether nothing may be read from this address unless somebody has named it. */
export function isOwnAddress(address: string): boolean {
  const kind = isIP(address);
  if (kind === 0) return true;
  if (kind === 4) return OWN.check(address, 'ipv4') || CARRIER.check(address, 'ipv4');
  if (OWN.check(address, 'ipv6')) return true;
  const inner = embeddedIpv4(address);
  return inner !== null && isOwnAddress(inner);
}

/** The IPv4 address that an IPv6 one stands for: mapped or compatible (::a.b.c.d), NAT64 (64:ff9b::/96, and /48 of RFC 8215), 6to4. */
function embeddedIpv4(address: string): string | null {
  const words = wordsOf(address);
  if (words === null) return null;
  const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = words;
  if (a === 0 && b === 0 && c === 0 && d === 0 && (e === 0 || e === 0xffff) && (f === 0xffff || f === 0))
    return dotted(g, h);
  if (a === 0x64 && b === 0xff9b) return dotted(g, h);
  if (a === 0x2002) return dotted(b, c);
  return null;
}

function wordsOf(address: string): number[] | null {
  const url = URL.parse(`http://[${address.split('%', 1)[0]}]/`);
  if (url === null) return null;
  const [head = '', tail] = url.hostname.slice(1, -1).split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [front, back] = [parse(head), parse(tail ?? '')];
  return tail === undefined
    ? front
    : [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
}

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
/** Services of clouds at addresses that look like any other. */
const CARRIER = new BlockList();
CARRIER.addAddress('100.100.100.200', 'ipv4'); // metadata of Alibaba Cloud
CARRIER.addAddress('168.63.129.16', 'ipv4'); // Azure's own services

/** Whether nothing may be read from this address unless somebody has named it. */
export function isOwnAddress(address: string): boolean {
  // With a zone (`%eth0`) it is one of a link.
  if (isIP(address) === 0 || address.includes('%')) return true;
  if (isIP(address) === 4) return OWN.check(address, 'ipv4') || CARRIER.check(address, 'ipv4');
  return OWN.check(address, 'ipv6') || embeddedIpv4(address).some(isOwnAddress);
}

/**
 * The IPv4 addresses that an IPv6 one may stand for: mapped, translated or compatible (::a.b.c.d), NAT64 (RFC 6052 and
 * 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214).
 */
function embeddedIpv4(address: string): string[] {
  const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = wordsOf(address);
  if (a === 0 && b === 0 && c === 0 && d === 0 && (e === 0 || e === 0xffff) && (f === 0 || f === 0xffff)) {
    return [dotted(g, h)];
  }
  if (a === 0x64 && b === 0xff9b) {
    if ((d | e | f) === 0) return [dotted(g, h)];
    // A network's own prefix may have 48 bits, too; eight that are zero are in the middle of the address then.
    const inMiddle = dotted(d, ((e & 0xff) << 8) | (f >> 8));
    return (g | h) === 0 ? [inMiddle] : [dotted(g, h), inMiddle];
  }
  if (a === 0x2002) return [dotted(b, c)];
  if (a === 0x2001 && b === 0) return [dotted(c, d), dotted(g ^ 0xffff, h ^ 0xffff)];
  if ((e & 0xfdff) === 0 && f === 0x5efe) return [dotted(g, h)];
  return [];
}

/** The eight groups of 16 bits of an IPv6 address without a zone. */
function wordsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [front, back] = [parse(head), parse(tail ?? '')];
  return tail === undefined
    ? front
    : [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
}

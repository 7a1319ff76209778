import { isOwnAddress } from '../../src/sources/addresses.js';

const OWN: Record<string, readonly string[]> = {
  loopback: ['127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  'link-local': ['169.254.0.1', 'fe80::1', 'febf::1', 'fe80::1%eth0', '::1%lo'],
  'metadata services': [
    ...['169.254.169.254', '169.254.170.2', 'fd00:ec2::254', 'fd20:ce::254'],
    ...['100.100.100.200', '168.63.129.16', '192.0.0.192'],
  ],
  'multicast and reserved': ['224.0.0.1', '239.1.1.1', '255.255.255.255', '240.0.0.1', 'ff02::1', 'fec0::1'],
  'IPv4 in IPv6, mapped': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:a9fe:a9fe', '0:0:0:0:0:ffff:127.0.0.1'],
  'IPv4 in IPv6, compatible': ['::127.0.0.1', '::169.254.169.254'],
  'IPv4 in IPv6, translated': ['::ffff:0:127.0.0.1', '::ffff:0:a9fe:a9fe'],
  NAT64: ['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::127.0.0.1', '64:ff9b:1:a9fe:a9:fe00::'],
  '6to4': ['2002:7f00:1::', '2002:a9fe:a9fe::1'],
  Teredo: ['2001:0:7f00:1::', '2001:0:808:808::8000:fffe', '2001::5601:5601'],
  ISATAP: ['2a00::5efe:127.0.0.1', '2a00::200:5efe:a9fe:a9fe'],
  'what is not an address': ['', 'localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '1.2.3.4.5', '[::1]'],
};

describe('addresses that only who names them may read from', () => {
  for (const [kind, addresses] of Object.entries(OWN)) {
    it(`are those of the kind: ${kind}`, () => {
      expect(addresses.filter((address) => !isOwnAddress(address))).toEqual([]);
    });
  }

  it('are none of the internet, nor of a private network', () => {
    const others = [
      ...['8.8.8.8', '1.1.1.1', '126.255.255.255', '128.0.0.1', '169.253.255.255', '169.255.0.0', '223.255.255.255'],
      ...['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', 'fd12:3456::1'],
      ...['2a00:1450:4001::8', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '64:ff9b:1:808:8:800::'],
      ...['2002:808:808::1', '2001:0:808:808::f7f7:f7f7', '2001:db8::1'],
    ];
    expect(others.filter(isOwnAddress)).toEqual([]);
  });
});

/** What the text of a valid value becomes as JSON; every reader of every text format writes the same. */
export interface JsonValueVectors {
  type: string;
  /** Text → JSON. */
  values: Record<string, string>;
}

const zeros = '0'.repeat(400);
const digits = '1234567890'.repeat(7);

const integers: Record<string, string> = {
  '0': '0',
  '-0': '0',
  '+0': '0',
  '000': '0',
  '-000': '0',
  '7': '7',
  '+7': '7',
  '-7': '-7',
  '007': '7',
  '-007': '-7',
  '100': '100',
  [`+${zeros}12`]: '12',
  [`-${zeros}12`]: '-12',
};
const decimals: Record<string, string> = {
  '0': '0',
  '-0': '-0',
  '00': '0',
  '+007.50': '7.50',
  '-007.50': '-7.50',
  '000.05': '0.05',
  '-00.05': '-0.05',
  '-0.00': '-0.00',
  '10.10': '10.10',
  [`${zeros}10.10`]: '10.10',
};
const floats: Record<string, string> = {
  ...decimals,
  '.5': '0.5',
  '+.5': '0.5',
  '-.5': '-0.5',
  '1.': '1.0',
  '-01.': '-1.0',
  '0.': '0.0',
  '1.e5': '1.0e5',
  '1.E-5': '1.0E-5',
  '.5e+05': '0.5e+05',
  '1E+05': '1E+05',
  '01e05': '1e05',
  '0e999999999999': '0e999999999999',
  '+1e-400': '1e-400',
  '9007199254740993': '9007199254740993',
  '0.1000000000000000055511151231257827': '0.1000000000000000055511151231257827',
  [`0.${digits}`]: `0.${digits}`,
  [`.${digits}e-5`]: `0.${digits}e-5`,
};
const texts: Record<string, string> = {
  a: '"a"',
  ' ': '" "',
  null: '"null"',
  'say "hi"': '"say \\"hi\\""',
  '"': '"\\""',
  '\\': '"\\\\"',
  '/': '"/"',
  'a\nb\rc\td\be\ff': '"a\\nb\\rc\\td\\be\\ff"',
  '\u0000\u0001\u000b\u001f\u007f': '"\\u0000\\u0001\\u000b\\u001f\u007f"',
  'é€😀\u2028\u2029\ufeff': '"é€😀\u2028\u2029\ufeff"',
  'fifteen bytes…\n': '"fifteen bytes…\\n"',
  'a text of more than sixteen bytes, and a "quote" in it':
    '"a text of more than sixteen bytes, and a \\"quote\\" in it"',
};
const timestamps: Record<string, string> = {
  '2023-01-01 00:32:10': '"2023-01-01 00:32:10"',
  '2023-01-01T00:00:00.1+01:00': '"2023-01-01T00:00:00.1+01:00"',
};

export const JSON_VALUE_VECTORS: readonly JsonValueVectors[] = [
  { type: 'String', values: texts },
  { type: 'Bool', values: { true: 'true', FALSE: 'false', tRuE: 'true', '1': 'true', '0': 'false' } },
  { type: 'Int8', values: { ...integers, '-128': '-128' } },
  { type: 'UInt16', values: { '-0': '0', '+065535': '65535' } },
  { type: 'Int32', values: integers },
  {
    type: 'Int64',
    values: {
      ...integers,
      '9007199254740993': '9007199254740993',
      '+9223372036854775807': '9223372036854775807',
      '-009223372036854775808': '-9223372036854775808',
    },
  },
  { type: 'UInt64', values: { '18446744073709551615': '18446744073709551615', [`${zeros}10`]: '10' } },
  { type: 'Float32', values: { ...floats, '3.4028235e38': '3.4028235e38' } },
  { type: 'Float64', values: { ...floats, '1.7976931348623157e308': '1.7976931348623157e308' } },
  { type: 'Decimal(9,2)', values: decimals },
  { type: 'Decimal(76,0)', values: { ['9'.repeat(76)]: '9'.repeat(76), [`-${zeros}${digits}`]: `-${digits}` } },
  { type: 'Date', values: { '2023-01-31': '"2023-01-31"' } },
  {
    type: 'DateTime',
    values: {
      ...timestamps,
      '1672531200': '1672531200',
      '+01672531200': '1672531200',
      '-5': '-5',
      '-0': '0',
      '1234': '1234',
      '-62135596800': '-62135596800',
    },
  },
  { type: 'DateTime64(3)', values: timestamps },
  {
    type: "DateTime('epoch_s')",
    values: {
      '0': '"1970-01-01T00:00:00Z"',
      '-0': '"1970-01-01T00:00:00Z"',
      '-1': '"1969-12-31T23:59:59Z"',
      '+01763630100': '"2025-11-20T09:15:00Z"',
      '-62135596800': '"0001-01-01T00:00:00Z"',
      '253402300799': '"9999-12-31T23:59:59Z"',
    },
  },
  {
    type: "DateTime('epoch_ms')",
    values: {
      '1763630100123': '"2025-11-20T09:15:00.123Z"',
      '951782400000': '"2000-02-29T00:00:00.000Z"',
      '-1': '"1969-12-31T23:59:59.999Z"',
      '-86400000': '"1969-12-31T00:00:00.000Z"',
      '5': '"1970-01-01T00:00:00.005Z"',
    },
  },
  {
    type: "DateTime('epoch_us')",
    values: {
      '1763630100000007': '"2025-11-20T09:15:00.000007Z"',
      '-62135596800000000': '"0001-01-01T00:00:00.000000Z"',
      '253402300799999999': '"9999-12-31T23:59:59.999999Z"',
    },
  },
  { type: "Date('YYYYMMDD')", values: { '20261120': '"2026-11-20"', '00010203': '"0001-02-03"' } },
  { type: "DateTime('YYYYMMDD')", values: { '20261120': '"2026-11-20T00:00:00Z"' } },
  { type: 'UUID', values: { '123E4567-e89b-12d3-a456-426614174000': '"123E4567-e89b-12d3-a456-426614174000"' } },
];

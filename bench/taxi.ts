import { random } from '../test/kit/random.js';
import { dateTime, money, writeRows } from './write-rows.js';

/** 19 typed columns in the manner of New York's taxi trip records: about 114 bytes a row. */
export const TAXI_SCHEMA = {
  VendorID: 'UInt32',
  tpep_pickup_datetime: 'DateTime',
  tpep_dropoff_datetime: 'DateTime',
  passenger_count: 'Nullable(Float64)',
  trip_distance: 'Float64',
  RatecodeID: 'Float64',
  store_and_fwd_flag: 'String',
  PULocationID: 'UInt32',
  DOLocationID: 'UInt32',
  payment_type: 'UInt32',
  fare_amount: 'Float64',
  extra: 'Float64',
  mta_tax: 'Float64',
  tip_amount: 'Float64',
  tolls_amount: 'Float64',
  improvement_surcharge: 'Float64',
  total_amount: 'Float64',
  congestion_surcharge: 'Float64',
  airport_fee: 'Float64',
};

/** Writes at least `bytes` of it, the same ones every time; returns the number of rows. */
export function writeTaxiFile(path: string, bytes: number, everySecondBad = false): number {
  const below = random();
  return writeRows(path, bytes, TAXI_SCHEMA, (row, isBad) => taxiRow(row, below, isBad), everySecondBad);
}

function taxiRow(row: number, below: (limit: number) => number, isBad: boolean): string {
  const pickup = 1_672_531_200 + (Math.floor(row / 3) % 31_536_000);
  const fare = 300 + below(6_000);
  const tip = below(3) > 0 ? below(1_500) : 0;
  const tolls = below(10) > 0 ? 0 : 655;
  const total = fare + tip + tolls + 150;
  return [
    1 + below(2),
    dateTime(pickup),
    dateTime(pickup + 60 + below(4_000)),
    below(40) > 0 ? `${1 + below(6)}.0` : '',
    money(below(3_000)),
    `${1 + below(5)}.0`,
    below(50) > 0 ? 'N' : 'Y',
    1 + below(265),
    1 + below(265),
    1 + below(4),
    isBad ? 'n/a' : money(fare),
    money(below(4) * 50),
    '0.50',
    money(tip),
    money(tolls),
    '1.00',
    below(100) > 0 ? money(total) : money(-total),
    '2.50',
    below(10) > 0 ? '0.00' : '1.25',
  ].join(',');
}

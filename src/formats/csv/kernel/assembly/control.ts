import { CONTROL } from '../memory-layout';

export function get(slot: i32): i32 {
  return load<i32>(CONTROL + (slot << 2));
}

export function set(slot: i32, value: i32): void {
  store<i32>(CONTROL + (slot << 2), value);
}

// Loaded into each process of a service by NODE_OPTIONS: a file of its folder breaks one runner, the first to remove it.
const { readdirSync, unlinkSync } = require('node:fs');
const files = require('node:fs/promises');
const { syncBuiltinESMExports } = require('node:module');
const { join } = require('node:path');

const folder = process.env.BROKEN_RUNNERS;
const takes = (name) => {
  if (!readdirSync(folder).includes(name)) return false;
  try {
    unlinkSync(join(folder, name));
    return true;
  } catch {
    return false; // another runner was first
  }
};

if (process.send !== undefined) {
  if (takes('at-start')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);

  const { emit } = process;
  process.emit = function (name, message, ...others) {
    if (name === 'message' && message.type === 'assign' && takes('at-assignment')) return true;
    return emit.call(this, name, message, ...others);
  };

  const { send } = process;
  process.send = function (message, ...others) {
    if (message.type === 'header' && takes('defect-at-header')) throw new TypeError('planted');
    return send.call(this, message, ...others);
  };

  const { open } = files;
  files.open = async (...args) => {
    const file = await open(...args);
    if (takes('at-read')) file.read = () => new Promise(() => undefined);
    return file;
  };
  syncBuiltinESMExports();
}

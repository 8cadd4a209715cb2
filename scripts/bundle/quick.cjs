'use strict';
// Starts the program in holdfast-build.bin, which scripts/bundle/quick.ts makes and explains. What does not fit is left to
// holdfast.cjs: another version of it, a Node that is too old, a call for help.
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** What belongs together: the launcher names it as well. */
const ID = '@ID@';
const FLOOR = '@FLOOR@';
const file = join(__dirname, 'holdfast-build.bin');
const [, , id = '', ...args] = process.argv;
if (id.startsWith('quick:')) process.argv.splice(2, 1);

const isOurs = id === ID && !args.includes('--help') && !args.includes('-h');
if (isOurs && Number.parseInt(process.versions.node, 10) >= Number(FLOOR) && existsSync(file)) start();
else require('./holdfast.cjs');

function start() {
  const bytes = readFileSync(file);
  const end = bytes.indexOf('\n');
  const head = JSON.parse(bytes.toString('latin1', 0, end));
  const at = end + 1 + head.length;
  // V8 looks after its own version and flags, not after the processor.
  const fits = head.node === process.version && head.arch === process.arch;
  const script = new Script(bytes.toString('latin1', end + 1, at), {
    filename: file,
    cachedData: fits ? bytes.subarray(at) : undefined,
  });
  script.runInThisContext()(require);
}

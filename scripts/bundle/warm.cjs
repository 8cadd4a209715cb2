'use strict';
// Usage: node FLAGS warm.cjs FILE FOLDER
// Puts into holdfast-build.bin what V8 made of its program while it built FOLDER, for this Node on this processor. The
// flags must be those of the launcher. Plain JavaScript without packages, because an image is finished with it.
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [, , file, folder] = process.argv;
const bytes = readFileSync(file);
const end = bytes.indexOf('\n');
const { length } = JSON.parse(bytes.toString('latin1', 0, end));
const text = bytes.subarray(end + 1, end + 1 + length);

/** What comes after it begins at a multiple of eight bytes, where V8 needs no copy of it. */
function headOf(fields) {
  const head = JSON.stringify(fields);
  return head.padEnd(head.length + ((8 - ((head.length + 1 + length) % 8)) % 8));
}

const script = new Script(text.toString('latin1'), { filename: file });
process.argv = [process.execPath, file, 'build', folder, '-o', '/dev/null'];
process.on('exit', (code) => {
  if (code !== 0) return;
  const head = headOf({ node: process.version, arch: process.arch, length });
  writeFileSync(file, Buffer.concat([Buffer.from(`${head}\n`), text, script.createCachedData()]));
});
script.runInThisContext()(require);

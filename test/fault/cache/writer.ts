import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { nothingTold, open, perform } from '../../property/cache/world.ts';

/*
 * The child of kill.test.ts: changes a cache without end and says on stdout, after each change, what is now durable.
 * It is killed at some moment.
 */
const [dir = '', first = '0'] = process.argv.slice(2);
const disk = createDisk(dir);
await disk.lock();
await disk.sweep();
const cache = open(disk);
const told = nothingTold();
process.stdout.write('ready\n');
for (let version = Number(first); ; version++) {
  const source = version % 2;
  process.stdout.write(`begin ${source} ${version}\n`);
  await perform(cache, { do: 'inventory', app: source, version }, told);
  await perform(cache, { do: 'admit', source, version }, told);
  await perform(cache, { do: 'facts', app: source, version }, told);
  await perform(cache, { do: 'good', app: source, version }, told);
  process.stdout.write(`done ${source} ${version}\n`);
  if (version % 5 === 0) await perform(cache, { do: 'gc' }, told);
}

import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { asFault } from '../../../src/model/index.ts';

/* The child of lock.test.ts: takes the lock, says so, and keeps it until it is killed. */
try {
  await createDisk(process.argv[2] ?? '').lock();
  process.stdout.write('locked\n');
  setInterval(() => undefined, 60_000);
} catch (error) {
  const fault = asFault(error);
  process.stdout.write(`${fault.code} ${fault.message}\n`);
}

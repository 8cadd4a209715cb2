import fc from 'fast-check';
import { anyBytes, anyTemplate, mutatedRepositories, slowest } from '../property/kustomize/hostile.ts';

/**
 * `npm run bench -- fuzz [INPUTS] [SEED]`: hostile kustomizations, manifests and templates, in equal parts. Fails at the
 * first that throws anything but its own kind of error, that takes over 2 s, or after which memory has grown.
 */

const BATCH = 1_000;
/** What may stay from one batch to the last, bytes: memory does not hang on what was built before. */
const MAY_STAY = 16 * 1_048_576;
/** What the process may reach on the way, bytes. */
const MAY_REACH = 512 * 1_048_576;

type Options = { readonly seed: number; readonly numRuns: number };

/** What went wrong, or undefined. */
const told = <T>(result: fc.RunDetails<T>): string | undefined => fc.defaultReportMessage(result);

const CHECKS: Readonly<Record<string, (options: Options) => string | undefined>> = {
  'mutated repositories': (options) => told(fc.check(mutatedRepositories, options)),
  'any bytes': (options) => told(fc.check(anyBytes, options)),
  'any template': (options) => told(fc.check(anyTemplate, options)),
};

const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;

/** Bytes of JavaScript objects after a collection. */
function held(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function fail(message: string): never {
  console.log(message);
  process.exit(1);
}

const inputs = Number(process.argv[2] ?? '100000');
const first = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(first))
  fail('Usage: npm run bench -- fuzz [INPUTS] [SEED]');
if (globalThis.gc === undefined) fail('start it by `npm run bench -- fuzz`: memory is measured after a collection');

console.log(`seed ${first}, ${inputs} inputs`);
const began = performance.now();
const names = Object.keys(CHECKS);
let done = 0;
let atFirst = 0;
for (let batch = 0; done < inputs; batch++) {
  const name = names[batch % names.length] ?? '';
  const numRuns = Math.min(BATCH, inputs - done);
  const seed = first + batch;
  const wrong = CHECKS[name]?.({ seed, numRuns });
  if (wrong !== undefined) fail(`${name}, seed ${seed}, after ${done} inputs:\n${wrong}`);
  done += numRuns;
  // Each kind has run once: what is loaded and compiled late is there.
  if (batch === names.length - 1) atFirst = held();
  if (batch % 10 !== 9 && done < inputs) continue;
  const [now, peak] = [held(), process.resourceUsage().maxRSS * 1_024];
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(
    `${done} inputs in ${seconds} s: slowest ${slowest.ms.toFixed(0)} ms, heap ${mib(now)}, peak RSS ${mib(peak)}`,
  );
  if (atFirst > 0 && now - atFirst > MAY_STAY) fail(`the heap grew by ${mib(now - atFirst)} since the first batches`);
  if (peak > MAY_REACH) fail(`the process took more than ${mib(MAY_REACH)}`);
}

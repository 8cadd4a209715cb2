import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Failure, failureLines, failuresOf } from './steps/failures.ts';
import { closingLine, NOTHING, ONE_FAILED, sum, type Tally, tallyReport } from './steps/tally.ts';

/**
 * The gate: types, lint, then the test projects from the quickest to the slowest. With arguments only those steps.
 * Goes on after a failure, so that one run shows everything; at the end is what failed, so that a log that was cut still
 * tells, and the last line is `N passed, N failed`.
 */
const root = join(import.meta.dirname, '..');
const PROJECTS = ['arch', 'unit', 'golden', 'contract', 'property', 'fault', 'cluster'];
/** Projects that start a control plane and the built agent. */
const NEEDS_PARTS = ['contract', 'fault', 'cluster'];
const STEPS = ['types', 'lint', ...PROJECTS];

interface Outcome {
  readonly tally: Tally;
  readonly failures: readonly Failure[];
}

interface Result extends Outcome {
  readonly name: string;
  readonly seconds: number;
}

function run(command: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(1);
    });
    child.once('close', (code) => resolve(code));
  });
}

const script = (name: string) => run(process.execPath, [join('scripts', `${name}.ts`)]);

/** A step without tests; its failure is named by the command that shows it alone. */
async function check(done: Promise<number | null>, again: string): Promise<Outcome> {
  const code = await done;
  if (code === 0) return { tally: { ...NOTHING, passed: 1 }, failures: [] };
  return { tally: ONE_FAILED, failures: [{ file: again, name: 'see above', message: '' }] };
}

async function project(name: string): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-report-'));
  const file = join(dir, 'report.json');
  try {
    const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await run('vitest', ['run', '--project', name, '--passWithNoTests', ...report]);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    const [tally, failures] = [tallyReport(text, code), failuresOf(text)];
    const outside = { file: `test/${name}`, name: '', message: `vitest ended with ${code}: see above` };
    return { tally, failures: tally.failed > 0 && failures.length === 0 ? [outside] : failures };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What tests with real parts need beforehand: the binaries and the bundle. */
async function prepare(): Promise<Outcome> {
  const done = { tally: NOTHING, failures: [] };
  for (const name of ['parts', 'build']) {
    const outcome = await check(script(name), `scripts/${name}.ts`);
    if (outcome.tally.failed > 0) return outcome;
  }
  return done;
}

async function step(name: string): Promise<Outcome> {
  if (name === 'types') return check(run('tsc', ['-p', root]), 'tsc -p .');
  if (name === 'lint') return check(script('lint'), 'npm run lint');
  return name === 'set-up' ? prepare() : project(name);
}

async function timed(name: string): Promise<Result> {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const { tally, failures } = await step(name);
  const seconds = (performance.now() - start) / 1000;
  console.log(`== ${name}: ${name === 'set-up' ? 'done' : closingLine(tally)} in ${seconds.toFixed(1)} s`);
  return { name, tally, failures, seconds };
}

function chosen(args: readonly string[]): readonly string[] {
  const unknown = args.filter((arg) => !STEPS.includes(arg));
  if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(', ')}. There are ${STEPS.join(', ')}`);
  return args.length === 0 ? STEPS : STEPS.filter((name) => args.includes(name));
}

async function main(): Promise<void> {
  const results: Result[] = [];
  let prepared: Tally | undefined;
  for (const name of chosen(process.argv.slice(2))) {
    if (NEEDS_PARTS.includes(name) && prepared === undefined) {
      const result = await timed('set-up');
      results.push(result);
      prepared = result.tally;
    }
    if (NEEDS_PARTS.includes(name) && prepared?.failed) console.log(`\n== ${name}: not run, because set-up failed`);
    else results.push(await timed(name));
  }
  const total = sum(results.map(({ tally }) => tally));
  console.log('');
  const failed = failureLines(
    results.flatMap(({ failures }) => failures),
    root,
  );
  if (failed.length > 0) console.log(`== failed\n${failed.join('\n')}\n`);
  for (const { name, tally, seconds } of results)
    console.log(`${tally.failed === 0 ? '  ' : '! '}${name.padEnd(9)} ${closingLine(tally)}, ${seconds.toFixed(1)} s`);
  console.log(`\n${closingLine(total)}`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main().catch((error: unknown) => {
  process.stderr.write(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

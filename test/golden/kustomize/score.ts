import { caseNames, fluxCaseNames, hasCorpus, type Outcome, runCase, runFluxCase } from './corpus.ts';

interface Arguments {
  readonly prefix: string;
  readonly show: number;
  readonly texts: boolean;
}

function parse(argv: readonly string[]): Arguments {
  const at = argv.indexOf('--show');
  return {
    prefix: argv.find((arg) => !arg.startsWith('-') && !/^\d+$/.test(arg)) ?? '',
    show: at < 0 ? 0 : Number(argv[at + 1] ?? '3'),
    texts: argv.includes('--texts'),
  };
}

/** Prints how many conformance cases are right: `node test/golden/kustomize/score.ts [PREFIX] [--show N] [--texts]`. */
async function main(args: Arguments): Promise<void> {
  if (!hasCorpus) {
    console.log('skipped: the conformance cases are not beside the repository');
    return;
  }
  const outcomes: Outcome[] = caseNames(args.prefix).map((name) => runCase(name));
  for (const name of fluxCaseNames(args.prefix)) outcomes.push(await runFluxCase(name));
  const wrong = outcomes.filter(({ problem }) => problem !== '');
  for (const out of wrong.slice(0, args.show))
    console.log(`=== ${out.name}\n--- expected\n${out.expected}\n--- actual\n${out.actual}`);
  for (const out of wrong)
    console.log(`${out.problem} ${out.name}${out.problem === 'failed' ? `: ${out.actual.slice(0, 200)}` : ''}`);
  const otherWords = outcomes.filter(({ problem, sameText }) => problem === '' && !sameText);
  if (args.texts)
    for (const out of otherWords) console.log(`~~~ ${out.name}\n  want ${out.expected}\n  have ${out.actual}`);
  console.log(
    `${outcomes.length - wrong.length} of ${outcomes.length} right; ${otherWords.length} failures in other words`,
  );
}

await main(parse(process.argv.slice(2)));

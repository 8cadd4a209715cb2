import { at, type KubeObject, listAt, refText, textAt } from '../../model/index.ts';
import { type Cell, type Paint, plain, wrap } from '../text.ts';
import { conditionAt, revisionOf, sourceText } from './flux-row.ts';
import { helpFor } from './help.ts';

/** Why something is as it is: one answer, with one reason where it is not as declared. */
export interface Explanation {
  readonly subject: string;
  readonly state: 'converged' | 'working' | 'suspended' | 'failing' | 'excluded' | 'unmanaged';
  /** What goes on after the subject, without a full stop. */
  readonly summary: string;
  /** Of the condition; '' where nothing is wrong. */
  readonly reason: string;
  readonly message: string;
  /** What to do; '' where there is nothing to do. */
  readonly help: string;
  readonly facts: readonly string[];
}

/** The part of an explanation that differs. */
type Verdict = Omit<Explanation, 'subject' | 'facts'>;

const verdict = (state: Explanation['state'], summary: string, more: Partial<Verdict> = {}): Verdict => ({
  state,
  summary,
  reason: '',
  message: '',
  help: '',
  ...more,
});

/** `Kustomization flux-system/app`. */
export function subjectOf(object: KubeObject): string {
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  return `${object.kind} ${namespace === '' ? '' : `${namespace}/`}${object.metadata.name}`;
}

/** Explains a Kustomization, given its source as it is in the cluster (undefined: it is not there), or a source. */
export function explainFlux(object: KubeObject, source?: KubeObject): Explanation {
  const isSource = object.kind !== 'Kustomization';
  const facts = isSource ? sourceFacts(object) : kustomizationFacts(object, source);
  return { subject: subjectOf(object), ...judged(object, isSource, source), facts };
}

function judged(object: KubeObject, isSource: boolean, source: KubeObject | undefined): Verdict {
  const { name } = object.metadata;
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  const ready = conditionAt(object, 'Ready');
  const [reason, message] = [textAt(ready, 'reason') ?? '', textAt(ready, 'message') ?? ''];
  if (textAt(object.metadata, 'deletionTimestamp') !== undefined)
    return verdict('working', 'is being deleted: its finalizer holds it until what hangs on it is settled');
  if (at(object, 'spec', 'suspend') === true) {
    const help = `holdfast resume ${isSource ? `source ${sourceWord(object.kind)}` : 'kustomization'} ${name} -n ${namespace}`;
    return verdict(
      'suspended',
      `is suspended: nothing is ${isSource ? 'fetched' : 'applied or corrected'} until it is resumed`,
      { help },
    );
  }
  if (ready === undefined)
    return verdict('working', 'waits: no agent has looked at it yet', {
      help: 'See that an agent runs, and that it takes objects of this namespace (objects.cluster of its configuration).',
    });
  if (!isCurrent(object))
    return verdict(
      'working',
      `waits: its newest spec (generation ${String(object.metadata['generation'])}) is not looked at yet`,
    );
  if (textAt(ready, 'status') === 'False')
    return verdict('failing', 'is not converged', { reason, message, help: helpFor(reason, message, object.kind) });
  if (textAt(ready, 'status') !== 'True') return verdict('working', 'is being worked on', { reason, message });
  const revision = revisionOf(object);
  const newer = isSource || source === undefined ? '' : revisionOf(source);
  if (newer !== '' && newer !== revision)
    return verdict('working', `has applied ${revision || 'nothing'}, and its source has ${newer} now`);
  return verdict(
    'converged',
    isSource ? `is as it should be: ${revision} is fetched` : `is converged: ${revision} is applied`,
  );
}

/** Whether the Ready condition speaks of the spec as it is now. */
export function isCurrent(object: KubeObject): boolean {
  const generation = object.metadata['generation'];
  const seen = at(conditionAt(object, 'Ready'), 'observedGeneration') ?? at(object, 'status', 'observedGeneration');
  return typeof generation !== 'number' || typeof seen !== 'number' || seen >= generation;
}

const sourceWord = (kind: string): string =>
  ({ GitRepository: 'git', OCIRepository: 'oci' })[kind] ?? kind.toLowerCase();

function sourceFacts(object: KubeObject): readonly string[] {
  const url = textAt(object, 'spec', 'url') ?? textAt(object, 'spec', 'endpoint') ?? '';
  const revision = revisionOf(object);
  const failed = textAt(conditionAt(object, 'Ready'), 'status') === 'False';
  return [
    ...(url === '' ? [] : [`from ${url.replace(/\/\/[^/@]*@/, '//')}`]),
    revision === '' ? 'nothing was fetched yet' : `has ${revision}${failed ? ', which stays in use' : ''}`,
  ];
}

function kustomizationFacts(object: KubeObject, source: KubeObject | undefined): readonly string[] {
  const applied = revisionOf(object);
  const tried = textAt(object, 'status', 'lastAttemptedRevision') ?? '';
  return [
    sourceFact(object, source),
    `applied: ${applied || 'nothing yet'}${tried === '' || tried === applied ? '' : `; tried last: ${tried}`}`,
    `objects in its inventory: ${listAt(object, 'status', 'inventory', 'entries').length}`,
  ];
}

function sourceFact(object: KubeObject, source: KubeObject | undefined): string {
  const name = sourceText(object, textAt(object.metadata, 'namespace') ?? '');
  if (source === undefined) return `source: ${name}, which is not in the cluster`;
  const ready = conditionAt(source, 'Ready');
  const revision = revisionOf(source);
  const has = revision === '' ? 'nothing fetched yet' : `at ${revision}`;
  if (at(source, 'spec', 'suspend') === true) return `source: ${name} ${has}, suspended`;
  if (textAt(ready, 'status') !== 'False') return `source: ${name} ${has}`;
  return `source: ${name} ${has}; fetching fails: ${textAt(ready, 'reason') ?? ''}: ${textAt(ready, 'message') ?? ''}`;
}

const STYLES: Readonly<Record<Explanation['state'], Cell['style']>> = {
  converged: 'good',
  working: 'warn',
  suspended: 'warn',
  excluded: 'warn',
  failing: 'bad',
  unmanaged: undefined,
};

/** The explanation for a person. */
export function explanationText(one: Explanation, options: { readonly paint: Paint; readonly width: number }): string {
  const { paint } = options;
  const width = Math.max(30, options.width - 2);
  const style = STYLES[one.state];
  const head = `${plain(one.subject)} ${plain(one.summary)}${one.reason === '' ? '' : `: ${plain(one.reason)}`}`;
  const lines = [
    style === undefined ? head : paint(head, style),
    ...wrap(one.message, width).map((line) => `  ${line}`),
    ...wrap(one.help, width - 3).map((line, i) => (i === 0 ? `  ${paint('->', 'bold')} ${line}` : `     ${line}`)),
    ...one.facts.map((fact) => `  ${plain(fact)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** `Kind/namespace/name` of an object. */
export function objectText(object: KubeObject): string {
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  return refText({ kind: object.kind, namespace, name: object.metadata.name });
}

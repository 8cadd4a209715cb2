import { byCodeUnit, type Health, isObject, type KubeObject, listAt, textAt } from '../../model/index.ts';
import { type Explanation, objectText, subjectOf } from './explain.ts';
import { sourceText } from './flux-row.ts';

/** What is known of an object that is not of the Flux API. */
export interface ObjectFacts {
  readonly object: KubeObject;
  /** What controls what, from the object asked for up to `object`; empty where it controls itself. */
  readonly below: readonly KubeObject[];
  /** `namespace/name` that its labels name; '' for none. */
  readonly owner: string;
  /** That Kustomization; undefined where it is not in the cluster. */
  readonly kustomization: KubeObject | undefined;
  readonly inInventory: boolean;
  readonly health: Health;
  /** How its Kustomization is. */
  readonly above: Explanation | undefined;
}

/** The manager of what is applied, Flux's name. */
const OURS = 'kustomize-controller';
const GROUP = 'kustomize.toolkit.fluxcd.io';

const LEFT = 'it is left as it is: neither applied, corrected nor pruned';

/** What each setting means, of those that keep an object from being as Git has it. */
const SETTINGS: readonly (readonly [key: string, value: string, meaning: string])[] = [
  ['reconcile', 'disabled', LEFT],
  ['ssa', 'ignore', LEFT],
  ['ssa', 'ifnotpresent', 'it was made once, and is not changed after that'],
  ['ssa', 'merge', 'fields that others set beside those of Git stay'],
  ['prune', 'disabled', 'it stays when it leaves Git'],
  ['force', 'enabled', 'it is made anew where a change cannot be made in place'],
];

interface Setting {
  /** `annotation kustomize.toolkit.fluxcd.io/ssa`. */
  readonly where: string;
  readonly value: string;
  readonly meaning: string;
}

function settingsOf(object: KubeObject): readonly Setting[] {
  return SETTINGS.flatMap(([key, wanted, meaning]) => {
    const name = `${GROUP}/${key}`;
    const found = (['annotations', 'labels'] as const).find(
      (one) => textAt(object.metadata, one, name)?.toLowerCase() === wanted,
    );
    if (found === undefined) return [];
    return [{ where: `${found.slice(0, -1)} ${name}`, value: textAt(object.metadata, found, name) ?? '', meaning }];
  });
}

/** Who has set fields, the last first: `kubectl-edit (Update) at 2026-01-01T00:00:00Z`. Status is nobody's declaration. */
export function writersOf(object: KubeObject): readonly { readonly manager: string; readonly text: string }[] {
  return listAt(object.metadata, 'managedFields')
    .filter((entry) => isObject(entry) && textAt(entry, 'subresource') !== 'status')
    .map((entry) => ({
      manager: textAt(entry, 'manager') ?? '',
      time: textAt(entry, 'time') ?? '',
      text: `${textAt(entry, 'manager') ?? '?'} (${textAt(entry, 'operation') ?? '?'}) at ${textAt(entry, 'time') ?? '?'}`,
    }))
    .sort((a, b) => byCodeUnit(b.time, a.time) || rank(a) - rank(b) || byCodeUnit(a.manager, b.manager))
    .map(({ manager, text }) => ({ manager, text }));
}

/** Times are whole seconds: of equally new writes ours comes behind. */
const rank = ({ manager }: { readonly manager: string }): number => (manager === OURS ? 1 : 0);

/** Explains any object: who keeps it, from where, and what keeps it from being as Git has it. */
export function explainObject(facts: ObjectFacts): Explanation {
  const { object, below, kustomization, above, health } = facts;
  const settings = settingsOf(object);
  const way = [...below.slice(1), object].map(objectText).join(', made by ');
  const verdict = judged(facts, settings);
  const owner = kustomization === undefined ? '' : objectText(kustomization);
  return {
    subject: subjectOf(below[0] ?? object),
    ...verdict,
    summary: `${below.length === 0 ? '' : `is made by ${way}, which `}${verdict.summary}`,
    facts: [
      ...(owner === '' ? [] : [`in the inventory of ${owner}: ${facts.inInventory ? 'yes' : 'no'}`]),
      ...settings.map(({ where, value, meaning }) => `${where}: ${value} (${meaning})`),
      ...writerFacts(object, facts.inInventory),
      ...(health.status === 'Current'
        ? []
        : [`${objectText(object)} is not well: ${health.status}: ${health.message}`]),
      ...(above === undefined || verdict.state === 'failing' ? [] : [`${above.subject} ${above.summary}`]),
    ],
  };
}

function judged(facts: ObjectFacts, settings: readonly Setting[]): Omit<Explanation, 'subject' | 'facts'> {
  const { owner, kustomization, above } = facts;
  const say = (state: Explanation['state'], summary: string, help = '') =>
    ({ state, summary, reason: '', message: '', help }) as const;
  if (owner === '') return say('unmanaged', 'carries no labels of a Kustomization: nobody keeps it as Git has it');
  if (kustomization === undefined)
    return say('unmanaged', `carries the labels of Kustomization ${owner}, ${LOST}`, FILES);
  const excluded = settings.find((one) => one.meaning === LEFT);
  if (excluded !== undefined) {
    const help = `Take the ${excluded.where} away to have it kept as Git has it.`;
    return say(
      'excluded',
      `belongs to Kustomization ${owner}, but is left alone: ${excluded.where}: ${excluded.value}`,
      help,
    );
  }
  if (!facts.inInventory)
    return say('unmanaged', `carries the labels of Kustomization ${owner}, but is not in its inventory: ${LOOSE}`);
  const source = sourceText(kustomization, textAt(kustomization.metadata, 'namespace') ?? '');
  const revision = textAt(kustomization, 'status', 'lastAppliedRevision') ?? '';
  const kept = `is kept by Kustomization ${owner}, from ${source}${revision === '' ? '' : ` at ${revision}`}`;
  if (above?.state !== 'failing') return say(above?.state ?? 'converged', kept);
  const { reason, message, help } = above;
  return { state: 'failing', summary: `${kept}, which is not converged`, reason, message, help };
}

const LOST = 'which is not in the API of this cluster';
const FILES =
  'Kustomizations that an agent has from files are shown by holdfast status. If it is gone for good nobody looks after the object: adopt it in Git, or delete it.';
const LOOSE = 'it is neither corrected nor pruned';

function writerFacts(object: KubeObject, isKept: boolean): readonly string[] {
  const [last, ...others] = writersOf(object);
  if (last === undefined) return [];
  const before = others.map(({ text }) => text).slice(0, 3);
  const beside = isKept && last.manager !== OURS ? ', in fields that Git leaves to others, or just now' : '';
  return [
    `written last by ${last.text}${beside}`,
    ...(before.length === 0 ? [] : [`before that by ${before.join(', ')}`]),
  ];
}

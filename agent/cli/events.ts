import { at, type KubeObject, textAt } from '../../src/model/index.ts';
import { byLastSeen, eventHeader, eventRow } from '../../src/report/objects/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { type CliIo, usageError } from './io.ts';
import { KUBE_HELP, KUBE_OPTIONS, onCluster, type Reach, readFlags } from './kube/flags.ts';
import { follow } from './kube/follow.ts';
import { FLUX_KINDS, type FluxKind, fluxKind, KUSTOMIZATION } from './kube/kinds.ts';
import { inText, mustRead, objectsOf } from './kube/objects.ts';
import { formatOf, printObjects, tableOn } from './kube/print.ts';

export const help = `Usage: holdfast events [--for KIND[/NAME]] [--types TYPES] [-n NS | -A] [-o json|yaml] [--watch]

Shows what happened to objects of the Flux API in the cluster, the oldest first, as flux events does.
Of a named Kustomization, what happened to its source as well.

  holdfast events --for Kustomization/store
  holdfast events -A --types Warning

      --for KIND[/NAME]   of one kind, or of one object
      --types TYPES       Normal, Warning, or both with a comma
  -A, --all-namespaces    of all namespaces
  -o, --output FORM       table (default), json or yaml
  -w, --watch             go on, and show what happens
${KUBE_HELP}
`;

const OPTIONS = {
  ...KUBE_OPTIONS,
  'all-namespaces': { type: 'boolean', short: 'A' },
  for: { type: 'string' },
  types: { type: 'string' },
  output: { type: 'string', short: 'o' },
  watch: { type: 'boolean', short: 'w' },
} as const;

const EVENT = { group: '', version: 'v1', kind: 'Event' };

/** An object that events are about; without a name, all of its kind. */
interface About {
  readonly kind: string;
  readonly name?: string;
  /** '' for all. */
  readonly namespace: string;
}

/** `holdfast events`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = readFlags('events', argv, io, OPTIONS);
  if (typeof flags === 'number') return flags;
  const [word = '', name = ''] = (flags.text('for') ?? '').split('/', 2);
  const kind = fluxKind(word);
  if (flags.words.length > 0) return usageError(io, 'events', `"${flags.words.join(' ')}": say --for KIND/NAME.`);
  if (flags.text('for') !== undefined && kind === undefined)
    return usageError(
      io,
      'events',
      `--for takes KIND or KIND/NAME of ${FLUX_KINDS.map((one) => one.kind).join(', ')}, not "${flags.text('for')}".`,
    );
  const types = (flags.text('types') ?? '')
    .toLowerCase()
    .split(',')
    .filter((type) => type !== '');
  const odd = types.find((type) => type !== 'normal' && type !== 'warning');
  if (odd !== undefined) return usageError(io, 'events', `--types takes Normal and Warning, not "${odd}".`);
  const format = formatOf(flags.text('output'));
  if (format === undefined)
    return usageError(io, 'events', `-o takes table, json or yaml, not "${flags.text('output')}".`);
  if (flags.on('watch') && format !== 'table') return usageError(io, 'events', '--watch prints a table only.');
  return onCluster({ name: 'events', timeout: '' }, flags, io, async (reach) => {
    const namespace = flags.on('all-namespaces') ? '' : reach.namespace;
    const about = kind === undefined ? everyKind(namespace) : await aboutOf({ kind, name, namespace }, reach);
    const elsewhere = about.some((one) => one.namespace !== namespace);
    const isWanted = (event: KubeObject): boolean => isAbout(event, about) && isOfType(event, types);
    const asked = { namespace: elsewhere ? '' : namespace };
    const show = { namespace: asked.namespace === '', now: systemClock().now };
    const print = tableOn(io);
    const rows = (events: readonly KubeObject[]) =>
      events
        .filter(isWanted)
        .sort(byLastSeen)
        .map((one) => eventRow(one, { ...show, now: show.now() }));
    if (flags.on('watch'))
      return follow(
        EVENT,
        asked,
        { reach, io, command: 'events' },
        {
          first: (events) => print([eventHeader(show.namespace), ...rows(events)]),
          next: (event) => print(rows([event])),
        },
      );
    const events = await objectsOf(EVENT, asked, reach);
    const found = events.filter(isWanted).sort(byLastSeen);
    if (format !== 'table') await printObjects(found, { format, single: false }, io);
    else if (found.length > 0) print([eventHeader(show.namespace), ...rows(found)]);
    else io.stderr(`holdfast events: no events found in ${inText(namespace)} namespace\n`);
    return 0;
  });
}

const everyKind = (namespace: string): readonly About[] => FLUX_KINDS.map(({ kind }) => ({ kind, namespace }));

/** What `--for` names, and the source of a named Kustomization. */
async function aboutOf(
  { kind, name, namespace }: { readonly kind: FluxKind; readonly name: string; readonly namespace: string },
  reach: Reach,
): Promise<readonly About[]> {
  if (name === '') return [{ kind: kind.kind, namespace }];
  const named = { kind: kind.kind, name, namespace };
  if (kind !== KUSTOMIZATION || namespace === '') return [named];
  const object = await mustRead(kind, name, namespace, reach);
  const ref = at(object, 'spec', 'sourceRef');
  const source = { kind: textAt(ref, 'kind') ?? '', name: textAt(ref, 'name') ?? '' };
  return [named, { ...source, namespace: textAt(ref, 'namespace') || namespace }];
}

function isAbout(event: KubeObject, about: readonly About[]): boolean {
  const of = at(event, 'involvedObject');
  const [kind, name] = [textAt(of, 'kind'), textAt(of, 'name')];
  const namespace = textAt(of, 'namespace') ?? textAt(event.metadata, 'namespace') ?? '';
  return about.some(
    (one) =>
      one.kind === kind &&
      (one.name === undefined || one.name === name) &&
      (one.namespace === '' || one.namespace === namespace),
  );
}

function isOfType(event: KubeObject, types: readonly string[]): boolean {
  return types.length === 0 || types.includes((textAt(event, 'type') ?? '').toLowerCase());
}

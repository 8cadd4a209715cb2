import { asFault, type KubeObject, textAt, toJson } from '../../src/model/index.ts';
import { conditionAt, type FluxColumns, fluxHeader, fluxRow } from '../../src/report/objects/index.ts';
import { type CliIo, usageError } from './io.ts';
import { type Flags, KUBE_HELP, KUBE_OPTIONS, onCluster, type Reach, readFlags } from './kube/flags.ts';
import { follow } from './kube/follow.ts';
import { type FluxKind, KINDS_TEXT, readTarget, type Target } from './kube/kinds.ts';
import { inText, notFound, objectsOf, readable, type Selection } from './kube/objects.ts';
import { type Format, formatOf, printObjects, tableOn, yamlWriter } from './kube/print.ts';

export const help = `Usage: holdfast get KIND [NAME] [-n NS | -A] [-o json|yaml] [--watch]

Shows objects of the Flux API in the cluster, as flux get does. KIND is kustomizations (ks), sources git,
sources oci, sources bucket, sources all, or all.

  holdfast get kustomizations -A
  holdfast get sources git fleet -o yaml
  holdfast get all --status-selector ready=false

  -A, --all-namespaces    of all namespaces
  -o, --output FORM       table (default), json or yaml
  -w, --watch             go on, and show what changes
  -l, --label-selector S  only those with these labels
      --status-selector S only those with a condition: ready=false, ready!=true
      --show-source       the source of each Kustomization
      --no-header         rows alone
${KUBE_HELP}

Exit code 1 when there is nothing to show: no such object, or no object of that kind.
`;

const OPTIONS = {
  ...KUBE_OPTIONS,
  'all-namespaces': { type: 'boolean', short: 'A' },
  output: { type: 'string', short: 'o' },
  watch: { type: 'boolean', short: 'w' },
  'label-selector': { type: 'string', short: 'l' },
  'status-selector': { type: 'string' },
  'show-source': { type: 'boolean' },
  header: { type: 'boolean' },
} as const;

/** What is to be shown, and how. */
interface Wanted {
  readonly target: Target;
  readonly selection: Selection;
  readonly format: Format;
  readonly columns: FluxColumns;
  readonly header: boolean;
  readonly matches: (object: KubeObject) => boolean;
}

/** `holdfast get`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = readFlags('get', argv, io, OPTIONS);
  if (typeof flags === 'number') return flags;
  const target = readTarget(flags.words);
  if (target === undefined)
    return usageError(
      io,
      'get',
      `what? There are kustomizations, sources git, sources oci, sources bucket, sources all, and all.`,
    );
  if (target.names.length > 1) return usageError(io, 'get', `one name at a time, not "${target.names.join(' ')}".`);
  const format = formatOf(flags.text('output'));
  if (format === undefined)
    return usageError(io, 'get', `-o takes table, json or yaml, not "${flags.text('output')}".`);
  const matches = statusSelector(flags.text('status-selector'));
  if (matches === undefined)
    return usageError(io, 'get', '--status-selector takes CONDITION=STATUS or CONDITION!=STATUS, such as ready=false.');
  if (flags.on('watch') && target.kinds.length > 1)
    return usageError(io, 'get', `--watch takes one kind: ${KINDS_TEXT}.`);
  return onCluster({ name: 'get', timeout: '' }, flags, io, (reach) => {
    const wanted = wantedOf(flags, { target, format, matches }, reach);
    return flags.on('watch') ? watch(wanted, reach, io) : once(wanted, reach, io);
  });
}

function wantedOf(flags: Flags, of: Pick<Wanted, 'target' | 'format' | 'matches'>, reach: Reach): Wanted {
  const everywhere = flags.on('all-namespaces');
  const [name] = of.target.names;
  return {
    ...of,
    selection: { namespace: everywhere ? '' : reach.namespace, name, labelSelector: flags.text('label-selector') },
    columns: { namespace: everywhere, kind: of.target.all, source: false },
    header: !flags.given('header') || flags.on('header'),
    ...(flags.on('show-source') ? { columns: { namespace: everywhere, kind: of.target.all, source: true } } : {}),
  };
}

/** Reads `ready=false` and `ready!=true`; undefined for what is neither. */
export function statusSelector(text: string | undefined): ((object: KubeObject) => boolean) | undefined {
  if (text === undefined) return () => true;
  const [, type, not, status] = /^([\w.-]+?)(!?)=(\w+)$/.exec(text) ?? [];
  if (type === undefined || status === undefined) return undefined;
  const is = (object: KubeObject): boolean =>
    textAt(conditionAt(object, type), 'status')?.toLowerCase() === status.toLowerCase();
  return not === '!' ? (object) => !is(object) : is;
}

async function once(wanted: Wanted, reach: Reach, io: CliIo): Promise<number> {
  const { target, selection, format, matches } = wanted;
  const [only] = target.kinds;
  const found: (readonly [FluxKind, readonly KubeObject[]])[] = [];
  for (const kind of target.kinds) {
    const objects = await objectsOf(kind, selection, reach).catch((error: unknown) => {
      // Of several kinds some need not be served.
      if (target.all && asFault(error).code === 'kind-unknown') return [];
      throw error;
    });
    found.push([kind, objects.filter(matches)]);
  }
  const all = found.flatMap(([, objects]) => objects);
  if (all.length === 0 && selection.name !== undefined && only !== undefined) {
    if (!target.all) throw notFound(only, selection.name, selection.namespace);
    io.stderr(`holdfast get: no object '${selection.name}' in ${inText(selection.namespace)} namespace\n`);
    return 1;
  }
  if (format !== 'table') {
    await printObjects(all, { format, single: selection.name !== undefined && all.length === 1 }, io);
    return 0;
  }
  if (all.length === 0) {
    const what = target.all ? 'objects of the Flux API' : `${only?.kind ?? ''} objects`;
    io.stderr(`holdfast get: no ${what} found in ${inText(selection.namespace)} namespace\n`);
    return target.all ? 0 : 1;
  }
  const shown = found.filter(([, objects]) => objects.length > 0);
  for (const [i, [kind, objects]] of shown.entries()) {
    const columns = { ...wanted.columns, source: wanted.columns.source && kind.source === '' };
    const rows = objects.map((object) => fluxRow(object, columns));
    tableOn(io)(wanted.header ? [fluxHeader(columns), ...rows] : rows);
    if (i < shown.length - 1) io.stdout('\n');
  }
  return 0;
}

async function watch(wanted: Wanted, reach: Reach, io: CliIo): Promise<number> {
  const { target, selection, format, columns, matches } = wanted;
  const [kind] = target.kinds;
  if (kind === undefined) return 1;
  const yaml = format === 'yaml' ? await yamlWriter() : undefined;
  const print = tableOn(io);
  const last = new Map<string, string>();
  /** False for an object that looks as it did. */
  const isNew = (object: KubeObject): boolean => {
    const key = `${textAt(object.metadata, 'namespace') ?? ''}/${object.metadata.name}`;
    const looks =
      format === 'table'
        ? JSON.stringify(fluxRow(object, columns))
        : (textAt(object.metadata, 'resourceVersion') ?? '');
    const before = last.get(key);
    last.set(key, looks);
    return before !== looks;
  };
  const show = (objects: readonly KubeObject[], header: boolean): void => {
    const changed = objects.filter(matches).filter(isNew);
    if (format === 'table')
      print([...(header ? [fluxHeader(columns)] : []), ...changed.map((one) => fluxRow(one, columns))]);
    else
      for (const one of changed)
        io.stdout(yaml === undefined ? `${toJson(readable(one))}\n` : `---\n${yaml(readable(one))}`);
  };
  return follow(
    kind,
    selection,
    { reach, io, command: 'get' },
    {
      first: (objects) => show(objects, wanted.header),
      next: (object) => show([object], false),
    },
  );
}

import { FIELD_MANAGER, seenOf } from '../../src/apply/index.ts';
import { health } from '../../src/health/index.ts';
import {
  asFault,
  Fault,
  type Gvk,
  isObject,
  type Json,
  type KubeObject,
  listAt,
  objectId,
  parseApiVersion,
  textAt,
} from '../../src/model/index.ts';
import { painter } from '../../src/report/index.ts';
import {
  type Explanation,
  explainFlux,
  explainObject,
  explanationText,
  objectText,
  writersOf,
} from '../../src/report/objects/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { type CliIo, usageError, wantsColor } from './io.ts';
import { KUBE_HELP, KUBE_OPTIONS, namespaceOf, onCluster, type Reach, readFlags } from './kube/flags.ts';
import { fluxKind, KUSTOMIZATION, resourceNamed } from './kube/kinds.ts';
import { notFound, objectsOf } from './kube/objects.ts';
import { formatOf, prettyJson, yamlWriter } from './kube/print.ts';

export const help = `Usage: holdfast why KIND/NAME [-n NS] [-o json|yaml]

Says in plain words why an object of the cluster is as it is. Of a Kustomization or a source: whether it is
converged, and else the one reason and what to do about it. Of any other object: which Kustomization keeps it, from
which source and revision, what keeps it from being as Git has it, and who wrote to it last.

  holdfast why kustomization/store
  holdfast why deployment/web -n shop

KIND may be a short name (deploy, cm, svc), or KIND.GROUP. Objects that are not of Flux are looked for in the
namespace default when -n says nothing.

  -o, --output FORM       text (default), json or yaml
${KUBE_HELP}

Exit code 0 when there is an answer, whatever it is; 1 when there is no such object.
`;

const OPTIONS = { ...KUBE_OPTIONS, output: { type: 'string', short: 'o' } } as const;
const PIPE_COLUMNS = 120;
/** Longest way from a Pod up to what was declared. */
const MOST_ABOVE = 8;

/** `holdfast why`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = readFlags('why', argv, io, OPTIONS);
  if (typeof flags === 'number') return flags;
  const [word = '', name = '', ...more] = flags.words.flatMap((one) => one.split('/'));
  if (word === '' || name === '' || more.length > 0) return usageError(io, 'why', 'takes one KIND/NAME.');
  const format = formatOf(flags.text('output'));
  if (format === undefined) return usageError(io, 'why', `-o takes text, json or yaml, not "${flags.text('output')}".`);
  return onCluster({ name: 'why', timeout: '' }, flags, io, async (reach) => {
    const kind = fluxKind(word);
    const answer =
      kind === undefined
        ? await whyObject(word, { name, namespace: flags.text('namespace') ?? 'default' }, reach)
        : await whyFlux(kind, { name, namespace: namespaceOf(flags, io) }, reach);
    if (format === 'json') io.stdout(prettyJson({ ...answer }));
    else if (format === 'yaml') io.stdout((await yamlWriter())({ ...answer }));
    else {
      const width = io.terminal?.columns ?? PIPE_COLUMNS;
      io.stdout(explanationText(answer, { paint: painter(wantsColor(io)), width }));
    }
    return 0;
  });
}

interface Place {
  readonly name: string;
  readonly namespace: string;
}

async function whyFlux(
  kind: NonNullable<ReturnType<typeof fluxKind>>,
  place: Place,
  reach: Reach,
): Promise<Explanation> {
  const [object] = await objectsOf(kind, place, reach);
  if (object === undefined) throw notFound(kind, place.name, place.namespace);
  return kind === KUSTOMIZATION ? explainFlux(object, await sourceOf(object, reach)) : explainFlux(object);
}

/** The source of a Kustomization; undefined where it is not in the cluster. */
async function sourceOf(object: KubeObject, { cluster, signal }: Reach): Promise<KubeObject | undefined> {
  const ref = isObject(object['spec']) ? object['spec']['sourceRef'] : undefined;
  const name = textAt(ref, 'name');
  const { group, version } = parseApiVersion(textAt(ref, 'apiVersion') ?? 'source.toolkit.fluxcd.io/v1');
  const namespace = textAt(ref, 'namespace') || (textAt(object.metadata, 'namespace') ?? '');
  if (name === undefined) return undefined;
  return cluster
    .read({ group, version, kind: textAt(ref, 'kind') ?? '', namespace, name }, { signal })
    .catch(orMissing);
}

/** A kind that is not served has no objects. */
function orMissing(error: unknown): undefined {
  if (asFault(error).code === 'kind-unknown') return undefined;
  throw error;
}

async function whyObject(word: string, place: Place, reach: Reach): Promise<Explanation> {
  const { cluster, signal } = reach;
  const resource = resourceNamed(await cluster.surface({ signal }), word);
  if (resource === undefined) throw new Fault('kind-unknown', `the API server serves no kind called "${word}"`);
  const namespace = resource.namespaced ? place.namespace : '';
  const ref = { ...resource.gvk, namespace, name: place.name };
  const object = await cluster.read(ref, { signal });
  if (object === undefined) {
    const id = objectId(ref);
    const all = await objectsOf(KUSTOMIZATION, { namespace: '' }, reach).catch(orMissing);
    const owner = all?.find((one) => hasInventory(one, id));
    const known =
      owner === undefined
        ? 'no Kustomization has it in its inventory'
        : `${objectText(owner)} has it in its inventory, and makes it again unless it is suspended`;
    throw new Fault(
      'object-invalid',
      `there is no ${resource.gvk.kind} ${namespace === '' ? '' : `${namespace}/`}${place.name}; ${known}`,
    );
  }
  return explained(await chainOf(object, reach), reach);
}

const hasInventory = (kustomization: KubeObject, id: string): boolean =>
  listAt(kustomization, 'status', 'inventory', 'entries').some((entry) => textAt(entry, 'id') === id);

/** From an object up to what controls it, as far as there is something: a Pod, its ReplicaSet, its Deployment. */
async function chainOf(object: KubeObject, { cluster, signal }: Reach): Promise<readonly KubeObject[]> {
  const chain = [object];
  for (let here = object; chain.length <= MOST_ABOVE; ) {
    // What was applied is not looked after by what controls it.
    if (writersOf(here).some(({ manager }) => manager === FIELD_MANAGER)) break;
    const owner = listAt(here.metadata, 'ownerReferences').find((one) => isObject(one) && one['controller'] === true);
    const found =
      owner === undefined ? undefined : await cluster.read(ownerRef(owner, here), { signal }).catch(orMissing);
    if (found === undefined) break;
    chain.push(found);
    here = found;
  }
  return chain;
}

function ownerRef(owner: Json, below: KubeObject): Gvk & Place {
  const { group, version } = parseApiVersion(textAt(owner, 'apiVersion') ?? '');
  const namespace = textAt(below.metadata, 'namespace') ?? '';
  return { group, version, kind: textAt(owner, 'kind') ?? '', namespace, name: textAt(owner, 'name') ?? '' };
}

async function explained(chain: readonly KubeObject[], reach: Reach): Promise<Explanation> {
  const object = chain.at(-1);
  if (object === undefined) throw new Fault('internal', 'nothing to explain');
  const { owner } = seenOf(object.metadata);
  const [namespace = '', name = ''] = owner.split('/');
  const [kustomization] =
    owner === '' ? [] : ((await objectsOf(KUSTOMIZATION, { namespace, name }, reach).catch(orMissing)) ?? []);
  const { group } = parseApiVersion(object.apiVersion);
  const ref = {
    group,
    kind: object.kind,
    namespace: textAt(object.metadata, 'namespace') ?? '',
    name: object.metadata.name,
  };
  return explainObject({
    object,
    below: chain.slice(0, -1),
    owner,
    kustomization,
    inInventory: kustomization !== undefined && hasInventory(kustomization, objectId(ref)),
    health: health(object, systemClock().now()),
    above: kustomization === undefined ? undefined : explainFlux(kustomization, await sourceOf(kustomization, reach)),
  });
}

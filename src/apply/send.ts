import { BUILT_IN } from '../health/index.ts';
import { asFault, type Fault, fromJson, type JsonObject, refText, toJson, type VersionedRef } from '../model/index.ts';
import { type Answer, type ApplyPorts, FIELD_MANAGER } from './ports.ts';
import { undeclaredFields, withoutField } from './undeclared.ts';

/** The API server names one unknown field at a time; an object with more of them is refused. */
const MOST_UNKNOWN = 20;

/** API groups that the API server itself serves; all others are of custom resources or aggregated APIs. */
const SERVED: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
]);

/**
 * Server-side apply of these bytes, or a dry run of it. Fields that a built-in kind does not have are left out, as Flux
 * does; of custom resources they are refused. `whole` asks for the object and not only its metadata.
 */
export async function send(
  step: { readonly ref: VersionedRef },
  json: Uint8Array,
  ports: Pick<ApplyPorts, 'cluster' | 'log' | 'judge'>,
  options: { readonly signal: AbortSignal; readonly dryRun?: boolean; readonly whole?: true },
): Promise<Answer> {
  const dryRun = options.dryRun === true;
  const judge = ports.judge ?? BUILT_IN;
  const whole = options.whole === true || (judge.hasHealth(step.ref) && !dryRun);
  const answer = whole ? 'object' : 'metadata';
  const settings = { dryRun, manager: FIELD_MANAGER, force: true, answer, signal: options.signal } as const;
  let bytes = json;
  for (let left = MOST_UNKNOWN; ; left--) {
    try {
      return await ports.cluster.apply(step.ref, bytes, settings);
    } catch (error) {
      const known = left > 0 ? withoutUnknown(step.ref, bytes, asFault(error)) : undefined;
      if (known === undefined) throw error;
      if (!dryRun) ports.log.warn('unknown field left out', { object: refText(step.ref), field: known.fields });
      bytes = known.bytes;
    }
  }
}

function withoutUnknown(
  ref: VersionedRef,
  bytes: Uint8Array,
  fault: Fault,
): { readonly bytes: Uint8Array; readonly fields: readonly string[] } | undefined {
  if (fault.code !== 'apply-refused' || !SERVED.has(ref.group)) return undefined;
  const fields = undeclaredFields(fault.refusal?.said ?? '');
  const before = fromJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as JsonObject;
  let object = before;
  for (const field of fields) object = withoutField(object, field) ?? object;
  return object === before ? undefined : { bytes: Buffer.from(toJson(object)), fields };
}

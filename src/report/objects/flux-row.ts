import { at, type Json, type KubeObject, listAt, textAt } from '../../model/index.ts';
import { type Cell, plain } from '../text.ts';

/** Which columns a table of Flux objects has. */
export interface FluxColumns {
  readonly namespace: boolean;
  /** The kind before the name, where kinds are mixed. */
  readonly kind: boolean;
  /** `spec.sourceRef`. */
  readonly source: boolean;
}

/** Digests from SHA-1 to SHA-512 cut to 8 digits, as Flux prints them. */
export function shortDigests(text: string): string {
  return text.replace(/\b[a-f0-9]{40,128}\b/g, (digits) => digits.slice(0, 8));
}

/** A condition of an object by its type, in any case of letters. */
export function conditionAt(object: KubeObject, type: string): Json | undefined {
  const wanted = type.toLowerCase();
  return listAt(object, 'status', 'conditions').findLast((one) => textAt(one, 'type')?.toLowerCase() === wanted);
}

/** The revision that a Kustomization has applied, or a source has fetched; '' for none. */
export function revisionOf(object: KubeObject): string {
  return textAt(object, 'status', 'lastAppliedRevision') ?? textAt(object, 'status', 'artifact', 'revision') ?? '';
}

export function fluxHeader(columns: FluxColumns): readonly Cell[] {
  const names = [
    ...(columns.namespace ? ['NAMESPACE'] : []),
    'NAME',
    ...(columns.source ? ['SOURCE'] : []),
    'REVISION',
    'SUSPENDED',
    'READY',
    'MESSAGE',
  ];
  return names.map((text) => ({ text }));
}

/** An object as `get` shows it. */
export function fluxRow(object: KubeObject, columns: FluxColumns): readonly Cell[] {
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  const name = plain(object.metadata.name);
  const ready = conditionAt(object, 'Ready');
  const status = textAt(ready, 'status') ?? 'False';
  const suspended = at(object, 'spec', 'suspend') === true;
  const message = ready === undefined ? 'waiting to be reconciled' : (textAt(ready, 'message') ?? '');
  return [
    ...(columns.namespace ? [{ text: plain(namespace) }] : []),
    { text: columns.kind ? `${object.kind.toLowerCase()}/${name}` : name },
    ...(columns.source ? [{ text: plain(sourceText(object, namespace)) }] : []),
    { text: plain(shortDigests(revisionOf(object))) },
    suspended ? { text: 'True', style: 'warn' as const } : { text: 'False' },
    { text: plain(status), style: status === 'True' ? 'good' : status === 'False' ? 'bad' : 'warn' },
    { text: plain(shortDigests(message)) },
  ];
}

/** `Kind/namespace/name` of the source of a Kustomization; '' of others. */
export function sourceText(object: KubeObject, namespace: string): string {
  const ref = at(object, 'spec', 'sourceRef');
  const name = textAt(ref, 'name');
  if (name === undefined) return '';
  return `${textAt(ref, 'kind') ?? ''}/${textAt(ref, 'namespace') || namespace}/${name}`;
}

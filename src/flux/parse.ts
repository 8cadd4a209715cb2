import { type FaultCode, isObject, type Json, type JsonObject, textAt } from '../model/index.ts';
import { metaOf } from './convert.ts';
import { toDataObject } from './data.ts';
import { type FieldPath, type FieldProblem, pathText } from './issues.ts';
import type { DataObject } from './meta.ts';
import { KINDS_READ, READERS } from './readers.ts';
import type { FluxObject } from './types.ts';

/** One document of a file, or one object of the cluster. */
export interface FluxDocument {
  readonly value: Json;
  /** The file as shown to a person, or `cluster`. */
  readonly file: string;
  /** 1-based; 0 for an object of the cluster. */
  readonly line: number;
  /** Line of the value at a path, for errors. */
  readonly lineOf?: (path: FieldPath) => number;
}

/** Something that is wrong with one document. The others go on. */
export interface FluxProblem {
  readonly code: FaultCode;
  readonly file: string;
  readonly line: number;
  /** Such as `spec.ref.branch`; '' for the document as a whole. */
  readonly path: string;
  /** `Kind/namespace/name` as far as known; '' else. */
  readonly object: string;
  /** Whole sentence, with file, line and path. */
  readonly message: string;
}

export interface ParseOptions {
  /** Unknown fields are errors. For files; objects of the cluster were judged by its API. Default true. */
  readonly strict?: boolean;
  /** For objects without metadata.namespace; `default` when absent. */
  readonly defaultNamespace?: string;
}

export interface ParsedObjects {
  readonly objects: readonly FluxObject[];
  readonly data: readonly DataObject[];
  readonly errors: readonly FluxProblem[];
}

/**
 * Reads Flux objects, and the Secrets and ConfigMaps they name, with defaults filled in. A document that is wrong is
 * left out and told in `errors`; of two objects of one name the first is kept. Never throws.
 */
export function parseFluxObjects(documents: readonly FluxDocument[], options: ParseOptions = {}): ParsedObjects {
  const result: Collected = { objects: [], data: [], errors: [], seen: new Map() };
  for (const document of documents) parseDocument(document, document.value, [], options, result);
  return { objects: result.objects, data: result.data, errors: result.errors };
}

interface Collected {
  readonly objects: FluxObject[];
  readonly data: DataObject[];
  readonly errors: FluxProblem[];
  /** Where each `Kind/namespace/name` was first read. */
  readonly seen: Map<string, string>;
}

function parseDocument(
  document: FluxDocument,
  value: Json,
  at: FieldPath,
  options: ParseOptions,
  into: Collected,
): void {
  const fail = (code: FaultCode, path: FieldPath, message: string): void => {
    into.errors.push(problemAt(document, [...at, ...path], value, { code, message, options }));
  };
  if (!isObject(value)) {
    fail('config-invalid', [], 'is not a Kubernetes object');
    return;
  }
  const apiVersion = textAt(value, 'apiVersion') ?? '';
  const kind = textAt(value, 'kind') ?? '';
  if (apiVersion === '' || kind === '') fail('config-invalid', [], 'apiVersion and kind are required');
  else if (apiVersion === 'v1' && kind === 'List') {
    const items = value['items'];
    if (!Array.isArray(items)) fail('config-invalid', ['items'], 'must be a list');
    else {
      for (const [index, item] of (items as readonly Json[]).entries()) {
        parseDocument(document, item, [...at, 'items', index], options, into);
      }
    }
  } else {
    const problems: FieldProblem[] = [];
    const parsed = parseKind(value, apiVersion, kind, { document, options, problems });
    const counted = problems.filter((one) => !one.unknown || options.strict !== false);
    for (const { path, message } of counted.slice(0, MAX_PROBLEMS)) fail('object-invalid', path, message);
    if (counted.length > MAX_PROBLEMS) fail('object-invalid', [], `has ${counted.length - MAX_PROBLEMS} more problems`);
    if (parsed === undefined) fail(...unreadable(apiVersion, kind));
    else if (parsed !== 'ignored' && counted.length === 0 && !('nothing' in parsed)) keep(document, parsed, fail, into);
  }
}

type Parsed = { readonly flux: FluxObject } | { readonly data: DataObject } | { readonly nothing: true };

interface Context {
  readonly document: FluxDocument;
  readonly options: ParseOptions;
  readonly problems: FieldProblem[];
}

function parseKind(
  value: JsonObject,
  apiVersion: string,
  kind: string,
  context: Context,
): Parsed | 'ignored' | undefined {
  const { document, problems, options } = context;
  const origin = document.line === 0 ? document.file : `${document.file}:${document.line}`;
  const namespace = options.defaultNamespace ?? 'default';
  const id = `${apiVersion}/${kind}`;
  if (id === 'v1/Secret' || id === 'v1/ConfigMap') {
    const read = toDataObject(value, kind === 'Secret' ? 'Secret' : 'ConfigMap', origin, namespace);
    problems.push(...read.problems);
    return { data: read.object };
  }
  const report = (problem: FieldProblem): void => {
    problems.push(problem);
  };
  const read = READERS[id];
  if (read !== undefined) {
    const flux = read(value, { problems, report, meta: () => metaOf(value, origin, namespace) });
    return flux === undefined ? { nothing: true } : { flux };
  }
  return kind === 'AgentConfiguration' && apiVersion.startsWith('holdfast.dev/') ? 'ignored' : undefined;
}

/** Told of one object; more help nobody. */
const MAX_PROBLEMS = 20;

/** What names of kinds, namespaces and objects look like. */
const PLAIN = /^[A-Za-z0-9][\w.-]{0,252}$/;

const FLUX_GROUP = /^([a-z.-]+\.toolkit\.fluxcd\.io)\/(.+)$/;

function unreadable(apiVersion: string, kind: string): [FaultCode, FieldPath, string] {
  if (!PLAIN.test(kind) || !PLAIN.test(apiVersion.replace('/', '.'))) {
    return ['config-invalid', ['kind'], 'apiVersion and kind are no names of an API'];
  }
  const flux = FLUX_GROUP.exec(apiVersion);
  const known = /^(?:source|kustomize)\./.test(apiVersion) && KINDS_READ.has(kind);
  if (flux !== null && known)
    return ['unsupported', ['apiVersion'], `${flux[2]} of ${kind} is not read: write ${flux[1]}/v1`];
  if (flux !== null || apiVersion.startsWith('holdfast.dev/')) {
    return ['unsupported', ['kind'], `${kind} is not built yet: remove the object, or leave it to Flux`];
  }
  return [
    'config-invalid',
    ['kind'],
    `${kind} (${apiVersion}) is not configuration: put it into the source that a Kustomization applies`,
  ];
}

function keep(
  document: FluxDocument,
  parsed: { readonly flux: FluxObject } | { readonly data: DataObject },
  fail: (code: FaultCode, path: FieldPath, message: string) => void,
  into: Collected,
): void {
  const one = 'flux' in parsed ? { kind: parsed.flux.kind, ...parsed.flux.meta } : parsed.data;
  const key = `${one.kind}/${one.namespace}/${one.name}`;
  const first = into.seen.get(key);
  if (first !== undefined) {
    fail('object-duplicate', [], `is declared in ${first} already, which is used; remove one of them`);
    return;
  }
  into.seen.set(key, one.origin === '' ? document.file : one.origin);
  if ('flux' in parsed) into.objects.push(parsed.flux);
  else into.data.push(parsed.data);
}

function problemAt(
  document: FluxDocument,
  path: FieldPath,
  value: Json,
  what: { readonly code: FaultCode; readonly message: string; readonly options: ParseOptions },
): FluxProblem {
  const line = document.line === 0 ? 0 : (document.lineOf?.(path) ?? document.line);
  const kind = textAt(value, 'kind') ?? '';
  const name = textAt(value, 'metadata', 'name') ?? '';
  const namespace = textAt(value, 'metadata', 'namespace') ?? what.options.defaultNamespace ?? 'default';
  // What is no name is not repeated: it may be anything, also a secret in the wrong place.
  const object = [kind, namespace, name].every((part) => PLAIN.test(part)) ? `${kind}/${namespace}/${name}` : '';
  const where = line === 0 ? document.file : `${document.file}:${line}`;
  const field = pathText(path);
  const subject = [object, field].filter((text) => text !== '').join(' ');
  const message = `${where}: ${subject === '' ? '' : `${subject}: `}${what.message}`;
  return { code: what.code, file: document.file, line, path: field, object, message };
}

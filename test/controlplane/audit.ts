import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { at, fromJson, isObject, type JsonObject, listAt, textAt } from '../../src/model/index.ts';

/** One answered request, from the API server's audit log. */
export interface AuditedRequest {
  readonly user: string;
  /** Whom that user acted for; '' for itself. */
  readonly actedFor: string;
  /** The groups of that one, sorted, by comma. */
  readonly actedForGroups: string;
  /** `get list watch create update patch delete deletecollection`. */
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
  readonly userAgent: string;
  /** Path and query. */
  readonly uri: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export type AuditFilter = Partial<Omit<AuditedRequest, 'at'>> & { readonly since?: number };

/**
 * What is logged: every request once, when its answer is complete (a watch: when its answer begins, verb `watch`),
 * but nothing from the parts of the control plane themselves.
 */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', users: ['system:apiserver', 'system:kube-controller-manager', 'system:anonymous'] },
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ],
};

/** The size of the log now: what comes later is "since" this. */
export function auditMark(file: string): number {
  const fd = openSync(file, 'r');
  try {
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}

/** Reads the log from a mark on and gives what fits the filter, in order. */
export function readAudit(file: string, filter: AuditFilter): AuditedRequest[] {
  const { since = 0, ...wanted } = filter;
  const found: AuditedRequest[] = [];
  for (const line of readFrom(file, since).split('\n')) {
    const event = line === '' ? undefined : parse(line);
    if (event === undefined || !isObject(event)) continue;
    const request = requestOf(event);
    const fits = Object.entries(wanted).every(([key, value]) => request[key as keyof AuditedRequest] === value);
    if (fits && !repeated(event)) found.push(request);
  }
  return found;
}

/** A watch is logged when it begins and when it ends: only the beginning counts. */
function repeated(event: JsonObject): boolean {
  return event['verb'] === 'watch' && event['stage'] === 'ResponseComplete';
}

function requestOf(event: JsonObject): AuditedRequest {
  const text = (...path: string[]) => textAt(event, ...path) ?? '';
  return {
    user: text('user', 'username'),
    actedFor: text('impersonatedUser', 'username'),
    actedForGroups: [...listAt(at(event, 'impersonatedUser'), 'groups')].sort().join(','),
    verb: text('verb'),
    group: text('objectRef', 'apiGroup'),
    resource: text('objectRef', 'resource'),
    subresource: text('objectRef', 'subresource'),
    namespace: text('objectRef', 'namespace'),
    name: text('objectRef', 'name'),
    code: Number(at(event, 'responseStatus', 'code') ?? 0),
    userAgent: text('userAgent'),
    uri: text('requestURI'),
    at: Date.parse(text('requestReceivedTimestamp')),
  };
}

/** The last line may be half written. */
function parse(line: string): unknown {
  try {
    return fromJson(line);
  } catch {
    return undefined;
  }
}

function readFrom(file: string, offset: number): string {
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(0, fstatSync(fd).size - offset));
    const length = readSync(fd, buffer, 0, buffer.length, offset);
    return buffer.subarray(0, length).toString('utf8');
  } finally {
    closeSync(fd);
  }
}

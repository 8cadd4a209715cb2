import { createServer } from 'node:https';
import type { JsonObject } from '../../src/model/index.ts';
import type { ClusterAccess } from '../controlplane/index.ts';
import { createAuthority } from './certificates.ts';
import { portOf } from './ports.ts';
import { until } from './until.ts';

/** What the API server asks a webhook (admission.k8s.io/v1). */
export interface AdmissionRequest {
  readonly uid: string;
  readonly dryRun: boolean;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly object: JsonObject | null;
}

/** A JSON patch (RFC 6902) of the object, nothing to leave it. */
export type Admit = (request: AdmissionRequest) => readonly JsonObject[] | undefined;

export interface WebhookOptions {
  /** Objects of this namespace alone. */
  readonly namespace: string;
  readonly rule: { readonly group: string; readonly resource: string };
  readonly mutates?: boolean;
}

/** A real admission webhook that is asked. */
export interface Webhook {
  calls(): number;
  /** Nobody asks it any more. */
  stop(): Promise<void>;
}

const API = '/apis/admissionregistration.k8s.io/v1';

/** Starts an admission webhook that allows everything, and resolves when the API server asks it. */
export async function startWebhook(cluster: ClusterAccess, options: WebhookOptions, admit: Admit): Promise<Webhook> {
  const authority = createAuthority('hook');
  const { certPem, keyPem } = authority.issue({ name: 'hook', hosts: ['127.0.0.1'] });
  let calls = 0;
  const server = createServer({ cert: certPem, key: keyPem }, async (request, answer) => {
    const review = JSON.parse((await request.setEncoding('utf8').toArray()).join('')) as { request: AdmissionRequest };
    calls += 1;
    const { uid } = review.request;
    const steps = admit(review.request);
    const patch = Buffer.from(JSON.stringify(steps ?? [])).toString('base64');
    const change = steps === undefined ? {} : { patchType: 'JSONPatch', patch };
    answer.setHeader('Content-Type', 'application/json');
    answer.end(JSON.stringify({ ...review, response: { uid, allowed: true, ...change } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = { url: `https://127.0.0.1:${portOf(server)}/`, caBundle: btoa(authority.certPem) };
  const path = await register(cluster, options, client);
  await until(async () => {
    await probe(cluster, options);
    return calls > 0;
  });
  return {
    calls: () => calls,
    stop: async () => {
      await cluster.api('DELETE', path);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function register(
  cluster: ClusterAccess,
  { namespace, rule, mutates = false }: WebhookOptions,
  clientConfig: JsonObject,
): Promise<string> {
  const kind = mutates ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration';
  const path = `${API}/${kind.toLowerCase()}s`;
  const { status, text } = await cluster.api('POST', path, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: namespace },
    webhooks: [
      {
        name: 'hook.example.com',
        clientConfig,
        rules: [
          {
            apiGroups: [rule.group],
            apiVersions: ['v1'],
            resources: [rule.resource],
            operations: ['CREATE', 'UPDATE'],
          },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  if (status >= 300) throw new Error(text);
  return `${path}/${namespace}`;
}

/** A dry run that the webhook is asked about; what comes of it does not matter. */
async function probe(cluster: ClusterAccess, { namespace, rule }: WebhookOptions): Promise<void> {
  const api = rule.group === '' ? '/api/v1' : `/apis/${rule.group}/v1`;
  const path = `${api}/namespaces/${namespace}/${rule.resource}`;
  const [first] = ((await cluster.get(path))?.['items'] ?? []) as readonly { metadata: { name: string } }[];
  if (first === undefined) throw new Error(`no ${rule.resource} to ask about`);
  await cluster.api('PATCH', `${path}/${first.metadata.name}?dryRun=All`, { metadata: { labels: { probe: 'x' } } });
}

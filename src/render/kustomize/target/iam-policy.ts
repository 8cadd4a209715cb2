import { fail } from '../errors.ts';
import type { Loader } from '../load/loader.ts';
import { makeResource, type Resource } from '../resource/resource.ts';
import { parseDocument } from '../yaml/parse.ts';
import { type Config, textOf } from './plugin-config.ts';

/** The ServiceAccount that IAMPolicyGenerator makes; nobody checks that it has a name. */
export function iamPolicy(c: Config, loader: Loader): readonly Resource[] {
  if (c['cloud'] !== 'gke') fail(`cloud provider ${textOf(c, 'cloud')} not supported yet`);
  const [service, account] = [(c['kubernetesService'] ?? {}) as Config, (c['serviceAccount'] ?? {}) as Config];
  const email = `${textOf(account, 'name')}@${textOf(account, 'projectId')}.iam.gserviceaccount.com`;
  const namespace = textOf(service, 'namespace') === '' ? '' : `\n  namespace: ${textOf(service, 'namespace')}`;
  const text = `apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: ${email}\n  name: ${textOf(service, 'name')}${namespace}\n`;
  const node = parseDocument(text, loader.build.limits);
  return node === undefined ? [] : [makeResource(node, loader.build.scopes)];
}

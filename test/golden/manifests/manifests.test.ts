import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../agent/config/index.ts';
import { look } from '../../../agent/config/snapshot.ts';
import { checkTenancy } from '../../../agent/loop/place.ts';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const manifests = join(root, 'manifests');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const probe = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
const hasKubectl = probe.status === 0;
if (!hasKubectl) process.stderr.write('manifests: no kubectl here, the overlays are not built\n');

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  readonly resources: { readonly requests: Readonly<Record<string, string>>; readonly limits: object };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly serviceAccountName: string;
  readonly securityContext: object;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What is looked at of any kind; what a kind does not have makes its test fail. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly object[];
  readonly spec: {
    readonly template: { readonly spec: Pod };
    readonly ports: readonly { readonly name: string }[];
  };
}

function one<T>(found: T | undefined): T {
  if (found === undefined) throw new Error('not among what was built');
  return found;
}

function build(overlay: string): readonly Manifest[] {
  const done = spawnSync('kubectl', ['kustomize', join(manifests, 'overlays', overlay)], { encoding: 'utf8' });
  expect(done.stderr).toBe('');
  return loadAll(done.stdout) as Manifest[];
}

const named = (object: Manifest): string => `${object.kind}/${object.metadata.name.replace(/-[0-9a-z]{10}$/, '')}`;

const COMMON = [
  'ConfigMap/holdfast-config',
  'ConfigMap/holdfast-objects',
  'Namespace/holdfast',
  'Role/holdfast-lease',
  'RoleBinding/holdfast-lease',
  'Service/holdfast',
  'ServiceAccount/holdfast',
];
const OVERLAYS: Readonly<Record<string, readonly string[]>> = {
  deployment: [
    'ClusterRoleBinding/holdfast-cluster-admin',
    'Deployment/holdfast',
    'PersistentVolumeClaim/holdfast-state',
  ],
  'deployment-namespaced': [
    'ClusterRole/holdfast-identity',
    'ClusterRole/holdfast-watch',
    'ClusterRoleBinding/holdfast-identity',
    'ClusterRoleBinding/holdfast-watch',
    'Deployment/holdfast',
    'PersistentVolumeClaim/holdfast-state',
    'RoleBinding/holdfast',
  ],
  'multi-tenant': [
    'ClusterRole/holdfast-tenancy',
    'ClusterRoleBinding/holdfast-platform',
    'ClusterRoleBinding/holdfast-tenancy',
    'Deployment/holdfast',
    'PersistentVolumeClaim/holdfast-state',
    'ServiceAccount/platform',
  ],
  daemonset: ['ClusterRoleBinding/holdfast-cluster-admin', 'DaemonSet/holdfast'],
  flux: ['ClusterRoleBinding/holdfast-cluster-admin', 'Deployment/holdfast', 'PersistentVolumeClaim/holdfast-state'],
  'flux-namespaced': [
    'ClusterRole/holdfast-identity',
    'ClusterRole/holdfast-watch',
    'ClusterRoleBinding/holdfast-identity',
    'ClusterRoleBinding/holdfast-watch',
    'Deployment/holdfast',
    'PersistentVolumeClaim/holdfast-state',
    'Role/holdfast-objects',
    'RoleBinding/holdfast',
    'RoleBinding/holdfast-objects',
  ],
};

describe.runIf(hasKubectl).each(Object.keys(OVERLAYS))('overlay %s', (overlay) => {
  const objects = hasKubectl ? build(overlay) : [];
  const workload = (): Manifest => one(objects.find(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet'));
  const pod = (): Pod => workload().spec.template.spec;
  const container = (): Container => one(pod().containers[0]);

  it('builds to the objects that it promises', () => {
    expect(objects.map(named).sort()).toEqual([...COMMON, ...(OVERLAYS[overlay] ?? [])].sort());
  });

  it('runs as nobody, on a root file system that cannot be written, with no capability', () => {
    expect(pod().securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const each of pod().containers)
      expect(each.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
  });

  it('asks for memory, bounds it, and is probed where it listens', () => {
    expect(container().resources.requests['memory']).toBe('64Mi');
    expect(container().resources.limits).toEqual({ memory: '256Mi' });
    expect(container().livenessProbe.httpGet.path).toBe('/livez');
    expect(container().readinessProbe.httpGet.path).toBe('/readyz');
    const port = container().ports.find(({ name }) => name === container().livenessProbe.httpGet.port);
    expect(port?.containerPort).toBe(8080);
  });

  it('opens the port of artifacts where, and only where, the cluster declares objects', () => {
    const config =
      one(objects.find((object) => named(object) === 'ConfigMap/holdfast-config')).data['config.yaml'] ?? '';
    const { artifacts, objects: declared } = readConfig(config, 'config.yaml', {});
    const ports = one(objects.find(({ kind }) => kind === 'Service')).spec.ports;
    const service = ports.find(({ name }) => name === 'artifacts');
    const opened = container().ports.find(({ name }) => name === 'artifacts');
    if (!declared.cluster.enabled) return expect([service, opened]).toEqual([undefined, undefined]);
    expect(service).toEqual({ name: 'artifacts', port: 9790, targetPort: 'artifacts' });
    expect(artifacts).toEqual({
      listen: `0.0.0.0:${opened?.containerPort}`,
      advertise: 'http://holdfast.holdfast.svc.cluster.local.:9790',
    });
  });

  it('mounts every volume, and only what there is', () => {
    const mounted = pod().containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
    expect(mounted.sort()).toEqual(
      pod()
        .volumes.map(({ name }) => name)
        .sort(),
    );
    const maps = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
    for (const { configMap } of pod().volumes) if (configMap !== undefined) expect(maps).toContain(configMap.name);
  });

  it('binds roles that exist to the service account that it runs as', () => {
    const roles = new Set(
      objects.filter(({ kind }) => /Role$/.test(kind)).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    );
    const builtIn = ['ClusterRole/cluster-admin', 'ClusterRole/admin'];
    for (const { metadata, roleRef, subjects } of objects.filter(({ kind }) => /RoleBinding$/.test(kind))) {
      expect([...roles, ...builtIn]).toContain(`${roleRef.kind}/${roleRef.name}`);
      const name = metadata.name === 'holdfast-platform' ? 'platform' : 'holdfast';
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name, namespace: 'holdfast' }]);
    }
    expect(pod().serviceAccountName).toBe('holdfast');
  });

  it('is given a configuration that the agent reads and that fits the pod', () => {
    const map = one(objects.find((object) => named(object) === 'ConfigMap/holdfast-config'));
    const config = readConfig(one(map.data['config.yaml']), 'config.yaml', {});
    const paths = container().volumeMounts.map(({ mountPath }) => mountPath);
    expect(paths).toContain(config.stateDir);
    expect(paths).toEqual(expect.arrayContaining([...config.objects.files]));
    expect(config.listen).toBe('0.0.0.0:8080');
    expect(container().args).toEqual(['agent', '--config', '/etc/holdfast/config/config.yaml']);
    const lease = one(objects.find((object) => named(object) === 'Role/holdfast-lease'));
    if (config.leaderElection.enabled) {
      expect(lease.metadata.namespace).toBe(config.leaderElection.namespace);
      expect(lease.rules[1]?.resourceNames).toEqual([config.leaderElection.name]);
    }
    expect(config.leaderElection.enabled).toBe(workload().kind === 'DaemonSet');
    expect(config.objects.cluster.enabled).toBe(/^flux/.test(overlay));
  });
});

describe.runIf(hasKubectl).each(Object.keys(OVERLAYS))('overlay %s, by our own build', (overlay) => {
  it('is what kubectl makes of it', () => {
    const done = spawnSync(
      process.execPath,
      [...NODE_FLAGS, join(root, 'agent', 'main.ts'), 'build', join(manifests, 'overlays', overlay)],
      {
        encoding: 'utf8',
      },
    );
    expect(done.stderr).toBe('');
    expect(loadAll(done.stdout)).toEqual(build(overlay));
  });
});

describe('the variant that reads objects of one namespace', () => {
  const [role] = loadAll(
    readFileSync(join(manifests, 'components', 'cluster-objects-namespaced', 'role.yaml'), 'utf8'),
  ) as Manifest[];
  const { rules } = one(role);

  it('writes no spec, deletes nothing, and knows every kind that the agent watches', () => {
    const verbs = new Set(rules.flatMap((rule) => rule.verbs));
    expect([...verbs].sort()).toEqual(['create', 'get', 'list', 'patch', 'watch']);
    expect(rules.filter((rule) => rule.verbs.includes('create')).map((rule) => rule.resources)).toEqual([['events']]);
    const plurals = fluxDefinitions().map((one) => one.metadata.name.split('.')[0] ?? '');
    for (const plural of plurals) {
      expect(rules.some((rule) => rule.resources.includes(plural) && rule.verbs.includes('watch'))).toBe(true);
      expect(rules.some((rule) => rule.resources.includes(`${plural}/status`))).toBe(true);
    }
  });
});

describe('the samples of declared objects', () => {
  it.each([
    ['base', ['GitRepository/fleet', 'Kustomization/store']],
    [
      'overlays/multi-tenant',
      ['GitRepository/platform', 'GitRepository/shop', 'Kustomization/platform', 'Kustomization/shop'],
    ],
  ])('of %s are read without a problem', (folder, names) => {
    const { snapshot } = look([join(manifests, folder, 'objects.yaml')], DEFAULT_LIMITS, undefined);
    expect(snapshot.errors).toEqual([]);
    expect(snapshot.objects.map(({ kind, meta }) => `${kind}/${meta.name}`).sort()).toEqual(names);
  });
});

describe('the multi-tenant variant', () => {
  const folder = join(manifests, 'overlays', 'multi-tenant');

  it('has every setting that keeps tenants apart, and samples that keep to them', () => {
    const text = readFileSync(join(folder, 'config.yaml'), 'utf8');
    const { tenancy } = readConfig(text, 'config.yaml', {});
    expect(tenancy).toEqual({ noCrossNamespaceRefs: true, defaultServiceAccount: 'default' });
    expect(text).toMatch(/noRemoteBases: true/);
    const { snapshot } = look([join(folder, 'objects.yaml')], DEFAULT_LIMITS, undefined);
    for (const object of snapshot.objects)
      if (object.kind === 'Kustomization') expect(() => checkTenancy(object, tenancy)).not.toThrow();
  });

  it('lets the agent itself watch and act for accounts, and change nothing', () => {
    const text = readFileSync(join(manifests, 'components', 'tenancy', 'role.yaml'), 'utf8');
    const [role] = loadAll(text) as Manifest[];
    const verbs = one(role).rules.flatMap((rule) => rule.verbs);
    expect([...new Set(verbs)].sort()).toEqual(['get', 'impersonate', 'list', 'watch']);
    const impersonate = one(role).rules.filter((rule) => rule.verbs.includes('impersonate'));
    expect(impersonate.map((rule) => rule.resources)).toEqual([['serviceaccounts']]);
  });
});

describe('the namespaced variant', () => {
  it('may not read secrets of the whole cluster, and may change nothing outside its namespaces', () => {
    const text = readFileSync(join(manifests, 'components', 'namespaced', 'watch.yaml'), 'utf8');
    const [role] = loadAll(text) as Manifest[];
    for (const { apiGroups, resources, verbs } of one(role).rules) {
      expect(verbs).toEqual(['list', 'watch']);
      expect([...apiGroups, ...resources]).not.toContain('*');
      expect(resources).not.toContain('secrets');
    }
  });
});

describe('standalone', () => {
  it('has a configuration that the agent reads', () => {
    const text = readFileSync(join(manifests, 'standalone', 'config.yaml'), 'utf8');
    expect(readConfig(text, 'config.yaml', {})).toMatchObject({
      stateDir: '/var/lib/holdfast',
      kubeconfig: '/etc/holdfast/kubeconfig',
    });
  });
});

describe('Dockerfile', () => {
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8');

  it('runs as the user of the manifests and copies into the build what is there', () => {
    expect(text).toMatch(/^USER 65532:65532$/m);
    const context = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    expect(context.map((line) => line.slice(1)).filter((path) => !existsSync(join(root, path)))).toEqual([]);
    for (const path of /^COPY (package.*) \.\/$/m.exec(text)?.[1]?.split(' ') ?? ['none'])
      expect(context).toContain(`!${path}`);
  });

  it('ships the bundle, its launcher, Node and the licence, and nothing else', () => {
    const last = text.slice(text.lastIndexOf('FROM '));
    expect([...last.matchAll(/^COPY --from=(\w+) (.*) \S+$/gm)].map((m) => `${m[1]} ${m[2]}`)).toEqual([
      'node /usr/local/bin/node',
      'build /src/dist/ /src/LICENSE',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import {
  byApplyOrder,
  DEFAULT_LIMITS,
  type KubeObject,
  type ObjectRef,
  parseApiVersion,
  stageOf,
} from '../../../src/model/index.ts';
import { candidatesOf, finish } from '../../../src/render/finish/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';

const refs = (text: string): string[] => candidatesOf(parse(text)[0] as KubeObject).sort();
const parse = (text: string): KubeObject[] =>
  parseDocuments(text, { limits: DEFAULT_LIMITS, file: 'f' }).documents.map(({ value }) => value as KubeObject);
const ref = (text: string): ObjectRef => {
  const [apiVersion = '', kind = '', name = 'n', namespace = ''] = text.split(' ');
  return { group: parseApiVersion(apiVersion).group, kind, name, namespace };
};

describe('the order of application', () => {
  it('is Flux’s: definitions, classes, the rest, each by kind, group, namespace and name', () => {
    const sorted = [
      'apiextensions.k8s.io/v1 CustomResourceDefinition',
      'v1 Namespace a',
      'v1 Namespace b',
      'rbac.authorization.k8s.io/v1 ClusterRole',
      'scheduling.k8s.io/v1 PriorityClass',
      'storage.k8s.io/v1 StorageClass',
      'networking.k8s.io/v1 IngressClass',
      'e.com/v1 WaterClass',
      'rbac.authorization.k8s.io/v1 ClusterRoleBinding',
      'v1 ResourceQuota',
      'v1 ServiceAccount a x',
      'v1 ServiceAccount b x',
      'v1 ServiceAccount a y',
      'rbac.authorization.k8s.io/v1 Role',
      'v1 ConfigMap',
      'v1 Secret',
      'v1 Service',
      'v1 LimitRange',
      'apps/v1 Deployment',
      'apps/v1 StatefulSet',
      'batch/v1 CronJob',
      'policy/v1 PodDisruptionBudget',
      'v1 PersistentVolumeClaim',
      'apps/v1 DaemonSet',
      'e.com/v1 Anything',
      'networking.k8s.io/v1 Ingress',
      'admissionregistration.k8s.io/v1 MutatingWebhookConfiguration',
      'admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration',
    ];
    for (const shift of [0, 5, 11, 17]) {
      const mixed = [...sorted.slice(shift).reverse(), ...sorted.slice(0, shift)];
      expect(mixed.sort((a, b) => byApplyOrder(ref(a), ref(b)))).toEqual(sorted);
    }
  });

  it('puts look-alikes of other groups into the main stage', () => {
    expect(stageOf(ref('serving.e.com/v1 Namespace'))).toBe('main');
    expect(stageOf(ref('e.com/v1 ClusterRole'))).toBe('main');
    expect(stageOf(ref('e.com/v1 CustomResourceDefinition'))).toBe('main');
    expect(stageOf(ref('gateway.networking.k8s.io/v1 GatewayClass'))).toBe('classes');
  });
});

describe('what an object hangs on', () => {
  it('is read from pod specs, wherever they are', () => {
    const pod = `{serviceAccountName: sa, priorityClassName: high, runtimeClassName: kata, imagePullSecrets: [{name: pull}],
      initContainers: [{name: i, envFrom: [{secretRef: {name: init}}]}],
      containers: [{name: c, env: [{name: A, valueFrom: {configMapKeyRef: {name: keys, key: a}}}, {name: B, valueFrom: {secretKeyRef: {name: skeys, key: b}}}, {name: C, value: c}], envFrom: [{configMapRef: {name: all}}, {configMapRef: {name: perhaps, optional: true}}]}],
      volumes: [{name: a, configMap: {name: vol}}, {name: b, secret: {secretName: svol}}, {name: c, persistentVolumeClaim: {claimName: claim}}, {name: d, projected: {sources: [{configMap: {name: pvol}}, {secret: {name: psvol}}]}}, {name: e, secret: {secretName: maybe, optional: true}}]}`;
    const wanted = [
      '_high_scheduling.k8s.io_PriorityClass',
      '_kata_node.k8s.io_RuntimeClass',
      '_x__Namespace',
      'x_all__ConfigMap',
      'x_claim__PersistentVolumeClaim',
      'x_init__Secret',
      'x_keys__ConfigMap',
      'x_pull__Secret',
      'x_pvol__ConfigMap',
      'x_psvol__Secret',
      'x_sa__ServiceAccount',
      'x_skeys__Secret',
      'x_svol__Secret',
      'x_vol__ConfigMap',
    ].sort();
    const head = (api: string, kind: string): string =>
      `apiVersion: ${api}\nkind: ${kind}\nmetadata: {name: n, namespace: x}\n`;
    expect(refs(`${head('apps/v1', 'Deployment')}spec: {template: {spec: ${pod}}}`)).toEqual(wanted);
    expect(refs(`${head('batch/v1', 'CronJob')}spec: {jobTemplate: {spec: {template: {spec: ${pod}}}}}`)).toEqual(
      wanted,
    );
    expect(refs(`${head('v1', 'Pod')}spec: ${pod}`)).toEqual(wanted);
  });

  it.each([
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      'roleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: a}, {kind: ServiceAccount, name: b, namespace: z}, {kind: User, name: u}]',
      ['_x__Namespace', 'x_a__ServiceAccount', 'x_r_rbac.authorization.k8s.io_Role', 'z_b__ServiceAccount'],
    ],
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      'roleRef: {kind: ClusterRole, name: "system:r"}',
      ['_system__r_rbac.authorization.k8s.io_ClusterRole', '_x__Namespace'],
    ],
    [
      'HorizontalPodAutoscaler',
      'autoscaling/v2',
      'spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}',
      ['_x__Namespace', 'x_d_apps_Deployment'],
    ],
    [
      'Ingress',
      'networking.k8s.io/v1',
      'spec: {ingressClassName: nginx, rules: [{http: {paths: [{backend: {service: {name: s}}}]}}]}',
      ['_nginx_networking.k8s.io_IngressClass', '_x__Namespace'],
    ],
    [
      'PersistentVolumeClaim',
      'v1',
      'spec: {storageClassName: fast, volumeName: pv}',
      ['_fast_storage.k8s.io_StorageClass', '_pv__PersistentVolume', '_x__Namespace'],
    ],
    [
      'StatefulSet',
      'apps/v1',
      'spec: {volumeClaimTemplates: [{spec: {storageClassName: fast}}]}',
      ['_fast_storage.k8s.io_StorageClass', '_x__Namespace'],
    ],
    ['ServiceAccount', 'v1', 'imagePullSecrets: [{name: pull}]', ['_x__Namespace', 'x_pull__Secret']],
  ])('is read from %s (%s)', (kind, api, body, wanted) => {
    expect(refs(`apiVersion: ${api}\nkind: ${kind}\nmetadata: {name: n, namespace: x}\n${body}\n`)).toEqual(
      [...wanted].sort(),
    );
  });

  it('survives specs that are not what they should be', () => {
    for (const spec of [
      'null',
      '5',
      '[1]',
      '{template: []}',
      '{template: {spec: {containers: {a: 1}, volumes: [1, null, x], imagePullSecrets: text, serviceAccountName: 5}}}',
    ]) {
      expect(refs(`apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: n}\nspec: ${spec}\n`)).toEqual([]);
    }
  });

  it('counts only inside the set, with CRDs and namespaces', () => {
    const text = `apiVersion: e.com/v1
kind: Thing
metadata: {name: t, namespace: x}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.e.com}
spec: {group: e.com, names: {kind: Thing}}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: x}
spec: {serviceAccountName: not-here, volumes: [{name: a, configMap: {name: c}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: x}
`;
    const built = parse(text).map((object) => ({ object, origin: 'f' }));
    const { set } = finish(built, { owner: { name: 'k', namespace: 'f' }, limits: DEFAULT_LIMITS });
    expect(set.objects.map(({ id, needs }) => [id, [...needs].sort()])).toEqual([
      ['_things.e.com_apiextensions.k8s.io_CustomResourceDefinition', []],
      ['_x__Namespace', []],
      ['x_c__ConfigMap', ['_x__Namespace']],
      ['x_p__Pod', ['_x__Namespace', 'x_c__ConfigMap']],
      ['x_t_e.com_Thing', ['_things.e.com_apiextensions.k8s.io_CustomResourceDefinition', '_x__Namespace']],
    ]);
  });

  it('leaves the rules of an aggregated ClusterRole, and of no other, to the control plane', () => {
    const role = (text: string): string => {
      const metadata = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: r }\n';
      const built = parse(metadata + text).map((object) => ({ object, origin: 'f' }));
      const { bodies } = finish(built, { owner: { name: 'k', namespace: 'f' }, limits: DEFAULT_LIMITS });
      return Buffer.concat([...bodies.values()]).toString();
    };
    expect(role('aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: b } }] }\nrules: []\n')).not.toContain(
      '"rules"',
    );
    expect(role('rules: []\n')).toContain('"rules":[]');
  });

  it('takes a namespace out of built-in kinds that have none', () => {
    const text = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: r, namespace: x}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: p, namespace: x}
---
apiVersion: e.com/v1
kind: ClusterRole
metadata: {name: r, namespace: x}
`;
    const built = parse(text).map((object) => ({ object, origin: 'f' }));
    const { set, bodies } = finish(built, { owner: { name: 'k', namespace: 'f' }, limits: DEFAULT_LIMITS });
    expect(set.objects.map(({ id }) => id)).toEqual([
      '_r_rbac.authorization.k8s.io_ClusterRole',
      'x_r_e.com_ClusterRole',
      '_p_admissionregistration.k8s.io_ValidatingAdmissionPolicy',
    ]);
    const texts = set.objects.map(({ digest }) => Buffer.from(bodies.get(digest) ?? []).toString());
    expect(texts.map((json) => json.includes('"namespace":"x"'))).toEqual([false, true, false]);
  });

  it('does not depend on the order of files, nor do the bytes', () => {
    const one = parse(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n',
    ).map((object) => ({ object, origin: 'f' }));
    const options = { owner: { name: 'k', namespace: 'f' }, limits: DEFAULT_LIMITS };
    expect(finish(one, options).set).toEqual(finish([...one].reverse(), options).set);
  });

  it('gives what was built a digest that neither its place nor commonMetadata changes', () => {
    const text = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: ${value}}\n`;
    const owner = { name: 'k', namespace: 'f' };
    const builtOf = (value: string, origin: string, labels?: Record<string, string>) =>
      finish(
        parse(text(value)).map((object) => ({ object, origin })),
        { owner, limits: DEFAULT_LIMITS, ...(labels && { commonMetadata: { labels, annotations: {} } }) },
      );
    const plain = builtOf('v', 'f:1');
    const labelled = builtOf('v', 'g:9', { team: 'x' });
    expect(labelled.set.objects[0]?.digest).not.toBe(plain.set.objects[0]?.digest);
    expect(labelled.built).toBe(plain.built);
    expect(builtOf('w', 'f:1').built).not.toBe(plain.built);
  });
});

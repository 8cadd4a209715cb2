import { describe, expect, it } from 'vitest';
import { parseFieldPath } from '../../../src/apply/field-path.ts';
import { healObject } from '../../../src/apply/heal.ts';
import { undeclaredFields, withoutField } from '../../../src/apply/undeclared.ts';
import type { Json, JsonObject, KubeObject } from '../../../src/model/index.ts';

const refusal = (...causes: readonly (readonly [field: string, message: string])[]): Json => ({
  kind: 'Status',
  code: 422,
  details: { causes: causes.map(([field, message]) => ({ field, message })) },
});

const owned = (fieldsV1: JsonObject): Json => [{ manager: 'kubectl-edit', operation: 'Update', fieldsV1 }];

const service = (ports: readonly Json[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'web',
    resourceVersion: '7',
    managedFields: owned({ 'f:spec': { 'f:ports': { '.': {}, 'k:{"port":81,"protocol":"TCP"}': { '.': {} } } } }),
  },
  spec: { clusterIP: '10.0.0.1', ports },
});

const desired: JsonObject = { spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } };
const duplicate = refusal(['spec.ports[1].name', 'Duplicate value: "http"']);

describe('healing drift that server-side apply refuses to undo', () => {
  it('sets a renumbered port back and keeps what others added to it', () => {
    const live = service([{ name: 'http', port: 81, protocol: 'TCP', targetPort: 8080, nodePort: 30080 }]);
    expect(healObject(desired, live, duplicate)).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', resourceVersion: '7' },
      spec: {
        clusterIP: '10.0.0.1',
        ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30080 }],
      },
    });
  });

  it('takes an added item out of the named list and leaves the desired one as it lives', () => {
    const kept = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30080 };
    const live = service([kept, { name: 'admin', port: 8081, protocol: 'TCP' }]);
    const healed = healObject(desired, live, refusal(['spec.ports[1].targetPort', 'Required value']));
    expect(healed?.['spec']).toEqual({ clusterIP: '10.0.0.1', ports: [kept] });
  });

  it('finds nothing to take out where the refusal is about what is desired itself', () => {
    const live = service([{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }]);
    expect(healObject(desired, live, refusal(['spec.ports[0].port', 'Invalid value']))).toBeUndefined();
    expect(healObject(desired, live, refusal())).toBeUndefined();
    expect(healObject(desired, live, 'garbage')).toBeUndefined();
  });

  it('takes out a named field that is not desired', () => {
    const live = { ...deployment(), spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const healed = healObject(
      { spec: { strategy: { type: 'Recreate' } } },
      live,
      refusal(['spec.strategy.rollingUpdate', 'Forbidden: may not be specified when strategy type is Recreate']),
    );
    expect(healed?.['spec']).toEqual({ strategy: { type: 'Recreate' } });
  });

  it('of two fields that exclude each other takes out the one that is not desired', () => {
    const live = { ...deployment(), spec: { maxUnavailable: 1, selector: { a: 'b' } } };
    const healed = healObject(
      { spec: { minAvailable: 1 } },
      live,
      refusal(['spec', 'Invalid value: minAvailable and maxUnavailable cannot be both set']),
    );
    expect(healed?.['spec']).toEqual({ minAvailable: 1, selector: { a: 'b' } });
  });

  it('takes out another source of the same volume, and never fields that the refusal does not touch', () => {
    const live = {
      ...deployment(),
      spec: {
        replicas: 5,
        template: { spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }], hostNetwork: true } },
      },
    };
    const wanted: JsonObject = { spec: { template: { spec: { volumes: [{ name: 'v', emptyDir: {} }] } } } };
    const named = (field: string): Json | undefined =>
      healObject(wanted, live, refusal([field, 'Forbidden: may not specify more than 1 volume type']))?.['spec'];
    const volumes = (volume: Json): Json => ({
      replicas: 5,
      template: { spec: { volumes: [volume], hostNetwork: true } },
    });
    expect(named('spec.template.spec.volumes[0].hostPath')).toEqual(volumes({ name: 'v', emptyDir: {} }));
    expect(named('spec.template.spec.volumes[0].emptyDir')).toEqual(volumes({ name: 'v', emptyDir: {} }));
  });

  it('leaves items of lists around the named one alone', () => {
    const containers = (ports: readonly Json[]): JsonObject => ({
      template: {
        spec: {
          containers: [
            { name: 'main', ports },
            { name: 'sidecar', ports: [] },
          ],
        },
      },
    });
    const live: KubeObject = {
      ...deployment({
        'f:spec': {
          'f:template': {
            'f:spec': {
              'f:containers': { 'k:{"name":"main"}': { 'f:ports': { 'k:{"containerPort":1,"protocol":"TCP"}': {} } } },
            },
          },
        },
      }),
      spec: containers([{ name: 'http', containerPort: 81, protocol: 'TCP' }]),
    };
    const healed = healObject(
      {
        spec: { template: { spec: { containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 80 }] }] } } },
      },
      live,
      refusal(['spec.template.spec.containers[0].ports[1].name', 'Duplicate value: "http"']),
    );
    expect(healed?.['spec']).toEqual(containers([{ name: 'http', containerPort: 80, protocol: 'TCP' }]));
  });

  it('never touches metadata', () => {
    const live = service([{ name: 'http', port: 81 }]);
    expect(healObject(desired, live, refusal(['metadata.labels', 'Invalid value']))).toBeUndefined();
  });
});

function deployment(fieldsV1: JsonObject = {}): KubeObject {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', managedFields: owned(fieldsV1) } };
}

describe('fields that a schema does not know', () => {
  const message =
    'apply Deployment/ns/web: failed to create typed patch object (ns/web; apps/v1, Kind=Deployment): errors:\n' +
    '  .spec.replica: field not declared in schema\n' +
    '  .spec.template.spec.containers[name="a:b"].imagePull: field not declared in schema';

  it('are read from the refusal', () => {
    expect(undeclaredFields(message)).toEqual([
      '.spec.replica',
      '.spec.template.spec.containers[name="a:b"].imagePull',
    ]);
    expect(undeclaredFields('all is well')).toEqual([]);
  });

  it('are taken out, also inside lists', () => {
    const object = { spec: { replica: 3, replicas: 1, containers: [{ name: 'a', x: 1 }, { name: 'b' }] } };
    expect(withoutField(object, '.spec.replica')).toEqual({
      spec: { replicas: 1, containers: object.spec.containers },
    });
    expect(withoutField(object, '.spec.containers[name="a"].x')).toEqual({
      spec: { replica: 3, replicas: 1, containers: [{ name: 'a' }, { name: 'b' }] },
    });
    expect(withoutField(object, '.spec.other')).toBeUndefined();
    expect(withoutField(object, '[')).toBeUndefined();
  });

  it('are taken out where their names have dots', () => {
    const object = { metadata: { name: 'a', labels: { 'a.b/c': 'x' }, 'a.b/c': 'y', 'd.e': { f: 1, g: 2 } } };
    const { name, labels } = object.metadata;
    expect(withoutField(object, '.metadata.a.b/c')).toEqual({ metadata: { name, labels, 'd.e': { f: 1, g: 2 } } });
    expect(withoutField(object, '.metadata.d.e.f')).toEqual({ metadata: { ...object.metadata, 'd.e': { g: 2 } } });
    expect(withoutField(object, '.metadata.labels.a.b/d')).toBeUndefined();
  });
});

describe('a field path', () => {
  it.each([
    ['spec.ports[1].name', ['spec', 'ports', 1, 'name']],
    ['metadata.annotations[a.b/c]', ['metadata', 'annotations', 'a.b/c']],
    ['data[.dockerconfigjson]', ['data', '.dockerconfigjson']],
    ['.spec.c[name="x"].y', ['spec', 'c', 0, 'y']],
  ])('%s is read', (text, steps) => {
    expect(parseFieldPath(text)).toEqual(steps);
  });

  it.each(['', '[', 'a[', ']', 'a..b', '<nil>[', 'a.'.repeat(100)])('%j is none', (text) => {
    expect(parseFieldPath(text)).toBeUndefined();
  });
});

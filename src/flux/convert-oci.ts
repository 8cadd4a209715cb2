import { attemptTime, compact, MINUTE, milliseconds, type Report } from './convert.ts';
import type { FluxMeta } from './meta.ts';
import type { OCIRepository, OciRef, OciRepositorySpec } from './oci.ts';
import type { RawOciRepository } from './schema-oci.ts';

/** A checked OCIRepository with its defaults (flux.md 1.2). */
export function toOciRepository(raw: RawOciRepository, meta: FluxMeta, report: Report): OCIRepository {
  const { spec } = raw;
  const ref: OciRef = compact(spec.ref ?? {});
  const { digest, semver, tag } = ref;
  return {
    kind: 'OCIRepository',
    meta,
    spec: {
      url: spec.url,
      interval: milliseconds(report, 'interval', spec.interval, MINUTE),
      timeout: attemptTime(report, spec.timeout),
      ref: digest === undefined && semver === undefined && tag === undefined ? { ...ref, tag: 'latest' } : ref,
      provider: spec.provider ?? 'generic',
      insecure: spec.insecure ?? false,
      suspend: spec.suspend ?? false,
      ...compact({ secretRef: spec.secretRef, certSecretRef: spec.certSecretRef, proxySecretRef: spec.proxySecretRef }),
      ...compact({ serviceAccountName: spec.serviceAccountName }),
      ...(spec.layerSelector === undefined ? {} : { layerSelector: compact(spec.layerSelector) }),
      ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
      ...(spec.verify === undefined ? {} : { verify: verifyOf(spec.verify) }),
    },
  };
}

function verifyOf(verify: NonNullable<RawOciRepository['spec']['verify']>): NonNullable<OciRepositorySpec['verify']> {
  return {
    provider: verify.provider ?? 'cosign',
    matchOIDCIdentity: verify.matchOIDCIdentity ?? [],
    ...compact({ secretRef: verify.secretRef, trustedRootSecretRef: verify.trustedRootSecretRef }),
  };
}

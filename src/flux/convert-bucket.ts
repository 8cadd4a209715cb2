import type { Bucket } from './bucket.ts';
import { attemptTime, compact, MINUTE, milliseconds, note, type Report } from './convert.ts';
import type { FluxMeta } from './meta.ts';
import type { RawBucket } from './schema-bucket.ts';

/** A checked Bucket with its defaults. What the API server checks by rules is checked here for files. */
export function toBucket(raw: RawBucket, meta: FluxMeta, report: Report): Bucket {
  const { spec } = raw;
  checkRules(spec, report);
  return {
    kind: 'Bucket',
    meta,
    spec: {
      provider: spec.provider ?? 'generic',
      bucketName: spec.bucketName,
      endpoint: spec.endpoint,
      region: spec.region ?? '',
      prefix: spec.prefix ?? '',
      insecure: spec.insecure ?? false,
      interval: milliseconds(report, 'interval', spec.interval, MINUTE),
      timeout: attemptTime(report, spec.timeout),
      suspend: spec.suspend ?? false,
      ...compact({ secretRef: spec.secretRef, certSecretRef: spec.certSecretRef }),
      ...compact({ proxySecretRef: spec.proxySecretRef, serviceAccountName: spec.serviceAccountName }),
      ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
      ...(spec.sts === undefined
        ? {}
        : {
            sts: {
              provider: spec.sts.provider,
              endpoint: spec.sts.endpoint,
              ...compact({ secretRef: spec.sts.secretRef, certSecretRef: spec.sts.certSecretRef }),
            },
          }),
    },
  };
}

/** The rules of Flux's definition between fields. */
function checkRules(spec: RawBucket['spec'], report: Report): void {
  const provider = spec.provider ?? 'generic';
  const { sts } = spec;
  if (sts !== undefined) {
    const fits = { aws: 'aws', generic: 'ldap', gcp: undefined, azure: undefined }[provider];
    if (fits === undefined) note(report, ['spec', 'sts'], "is for the providers 'aws' and 'generic' only");
    else if (sts.provider !== fits)
      note(report, ['spec', 'sts', 'provider'], `must be '${fits}' with provider '${provider}'`);
    for (const field of ['secretRef', 'certSecretRef'] as const)
      if (sts.provider === 'aws' && sts[field] !== undefined)
        note(report, ['spec', 'sts', field], "has no use with sts.provider 'aws'");
  }
  const account = spec.serviceAccountName ?? '';
  if (account !== '' && provider === 'generic')
    note(report, ['spec', 'serviceAccountName'], "has no use with provider 'generic'");
  if (account !== '' && spec.secretRef !== undefined)
    note(report, ['spec', 'serviceAccountName'], 'secretRef and serviceAccountName exclude each other');
}

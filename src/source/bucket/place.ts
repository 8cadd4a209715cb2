import { Fault } from '../../model/index.ts';
import type { BucketRequest } from './request.ts';

const AMAZON = /^s3(?:-fips)?(?:[.-](?:dualstack[.-])?([a-z]{2,4}(?:-[a-z]+)+-[0-9]+))?\.amazonaws\.com(?:\.cn)?$/;
/** A region becomes a part of what is signed, so no slash: letters, digits and what servers of others use between them. */
const REGION = /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/;
/** And of Amazon's host: there it is one label. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const HOST = /^[A-Za-z0-9_](?:[\w.-]*\w)?(?::[0-9]{1,5})?$|^\[[0-9a-fA-F:.]+\](?::[0-9]{1,5})?$/;
/** Storage that takes the bucket's name as a part of the host, as minio-go has it. */
const VIRTUAL = /(?:^|\.)(?:amazonaws\.com(?:\.cn)?|storage\.googleapis\.com|aliyuncs\.com)$/;
const DNS_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

type Where = Pick<BucketRequest, 'endpoint' | 'bucket' | 'insecure' | 'provider'>;

/** Whether the bucket's name goes into the host; a name with dots would not fit the certificate. */
export function isVirtual(request: Where): boolean {
  const { bucket, insecure } = request;
  const host = hostOf(request).replace(/:[0-9]+$/, '');
  if (!DNS_NAME.test(bucket) || (bucket.includes('.') && !insecure)) return false;
  return VIRTUAL.test(host);
}

/** Region in the name of one of Amazon's hosts; '' elsewhere. GCS takes any. */
export function regionOf(request: Where): string {
  const host = hostOf(request);
  if (host === 'storage.googleapis.com') return 'auto';
  return AMAZON.exec(host)?.[1] ?? '';
}

/** Whether a text can be the region of a bucket there: it goes into what is signed and, at Amazon, into the host. */
export function isRegion(request: Where, region: string): boolean {
  return (isGeneral(hostOf(request)) ? LABEL : REGION).test(region);
}

/** The region that an object names; '' without. Fault `object-invalid` where it can be none. */
export function namedRegion(request: Where & Pick<BucketRequest, 'region'>): string {
  const { region } = request;
  if (region === '' || isRegion(request, region)) return region;
  throw new Fault('object-invalid', 'spec.region is not the name of a region, such as eu-west-1', {
    reason: 'BucketOperationFailed',
  });
}

/** The general address of Amazon answers for one region alone. */
const isGeneral = (host: string): boolean => /^s3\.amazonaws\.com(\.cn)?$/.test(host);

/** Scheme and host that requests go to, without a slash at the end. */
export function s3Base(request: Where, region: string, virtual: boolean): string {
  const scheme = request.insecure ? 'http' : 'https';
  let host = hostOf(request);
  if (isGeneral(host) && region !== 'us-east-1')
    host = `s3.dualstack.${region}.amazonaws.com${host.endsWith('.cn') ? '.cn' : ''}`;
  return `${scheme}://${virtual ? `${request.bucket}.` : ''}${host}`;
}

/** The endpoint as host and port. Fault `object-invalid` when it is more than that. */
function hostOf({ endpoint }: Where): string {
  const host = endpoint.replace(/\/$/, '');
  if (HOST.test(host)) return host.toLowerCase();
  throw new Fault(
    'object-invalid',
    'spec.endpoint does not follow ip address or domain name standards: write host or host:port, without https:// and path',
    { reason: 'URLInvalid' },
  );
}

/** The address of an Azure account. Fault `object-invalid` when it is none. */
export function azureBase(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '')
    throw new Fault(
      'object-invalid',
      'spec.endpoint is not an address of Azure Blob Storage: write https://ACCOUNT.blob.core.windows.net',
      { reason: 'URLInvalid' },
    );
  return url;
}

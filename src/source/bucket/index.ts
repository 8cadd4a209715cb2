export { fetchBucket } from './fetch.ts';
export { bucketRequestOf } from './from-flux.ts';
export type { BucketLogin, BucketOptions, BucketPorts, BucketRequest, TemporaryKeys } from './request.ts';

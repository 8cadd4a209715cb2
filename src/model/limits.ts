const KIB = 1024;
const MIB = 1024 * KIB;

/** Every bound, with its default. `AgentConfiguration.limits` sets them by these names; errors name them too. */
export const DEFAULT_LIMITS = {
  // fetching
  packBytes: 512 * MIB,
  packObjects: 500_000,
  objectBytes: 32 * MIB,
  packHeldBytes: 64 * MIB,
  deltaDepth: 4_096,
  advertisedRefs: 200_000,
  batchObjects: 2_000,
  stalledRounds: 3,
  reachRounds: 32,
  responseHeaderBytes: 64 * KIB,
  artifactBytes: 512 * MIB,
  artifactRatio: 250,
  zstdWindowBytes: 8 * MIB,
  manifestListBytes: 4 * MIB,
  registryTags: 100_000,
  signatures: 100,
  signatureBytes: MIB,
  partialBytes: 1024 * MIB,
  partialMs: 14 * 24 * 3_600_000,
  bodyIdleMs: 30_000,
  bucketKeys: 100_000,
  bucketListBytes: 128 * MIB,
  bucketPageBytes: 4 * MIB,
  bucketDownloads: 4,
  bucketHeldBytes: 4 * MIB,
  ignoreBytes: 256 * KIB,
  ignorePatterns: 2_000,
  // trees
  treeFiles: 50_000,
  treeBytes: 1024 * MIB,
  treeDepth: 64,
  pathBytes: 4_096,
  submodules: 100,
  submoduleDepth: 10,
  // cache
  cacheBytes: 2048 * MIB,
  cacheRevisions: 3,
  keptParts: 16,
  diskRoomBytes: 32 * MIB,
  // rendering
  manifestBytes: 8 * MIB,
  manifestLineBytes: 4 * MIB,
  yamlNodes: 300_000,
  yamlAliases: 10_000,
  yamlDepth: 100,
  renderFiles: 20_000,
  renderObjects: 50_000,
  renderBytes: 256 * MIB,
  renderMs: 120_000,
  // decryption
  encryptedFileBytes: 5 * MIB,
  encryptedFiles: 1_000,
  encryptedRecipients: 200,
  // expressions
  expressionChars: 8_192,
  expressionSteps: 200_000,
  // cluster
  requestsInFlight: 16,
  requestMs: 30_000,
  responseBytes: 64 * MIB,
  watchEventBytes: 8 * MIB,
  kubeconfigBytes: 256 * KIB,
  remoteClusters: 32,
  // configuration
  configBytes: 8 * MIB,
  configFiles: 5_000,
  // artifacts
  artifactDownloads: 4,
  artifactMs: 600_000,
  // bundles and the inbox
  bundleBytes: 16 * 1024 * MIB,
  bundleFiles: 50_000,
  bundleManifests: 1_000,
  bundleIndexBytes: 4 * MIB,
  bundleMs: 1_200_000,
  inboxFiles: 1_000,
  // the loop
  backoffMs: 300_000,
  workerMemoryMib: 512,
} as const;

export type LimitName = keyof typeof DEFAULT_LIMITS;
export type Limits = { readonly [name in LimitName]: number };

/** Steps of one stage that are under way at once: as many as requests may be, at most 16. */
export function applyWidth({ requestsInFlight }: Pick<Limits, 'requestsInFlight'>): number {
  return Math.max(1, Math.min(16, requestsInFlight));
}

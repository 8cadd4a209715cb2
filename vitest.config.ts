import { defineConfig } from 'vitest/config';

const project = (name: string, testTimeout: number, extra: Record<string, unknown> = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout * 4, ...extra },
});

/** Offers one control plane to all tests of a project; started when the first test asks for it. */
const withCluster = { globalSetup: ['test/support/global.ts'] };

/** Projects that start servers run their files one after another: the machine they are made for has two cores. */
export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      project('arch', 30_000),
      project('unit', 20_000),
      project('golden', 30_000),
      project('contract', 60_000, withCluster),
      project('property', 120_000),
      project('fault', 300_000, { ...withCluster, fileParallelism: false }),
      project('cluster', 180_000, { ...withCluster, fileParallelism: false }),
    ],
  },
});

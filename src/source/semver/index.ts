export { parseRange, type Test } from './range.ts';
export { compareVersions, isLowerVersion, type Version, versionOf } from './version.ts';

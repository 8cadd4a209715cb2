import { asFault, type FaultCode } from '../../src/model/index.ts';

const AWAY: ReadonlySet<FaultCode> = new Set<FaultCode>(['cluster-unreachable', 'cluster-protocol', 'cluster-auth']);

/** The API server cannot be asked now: what it last said counts. */
export const isAway = (error: unknown): boolean => AWAY.has(asFault(error).code);

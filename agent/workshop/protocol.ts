import type { DataObject } from '../../src/flux/index.ts';
import {
  type ArtifactContent,
  type ArtifactSeal,
  type Digest,
  Fault,
  type FaultCode,
  type FetchOutcome,
  type Limits,
  type WireCount,
} from '../../src/model/index.ts';
import type { PgpJob, Verdict } from '../../src/trust/index.ts';
import type { Identity, SshSettings } from '../adapters/ssh/index.ts';
import type { BundleJob } from './bundle.ts';
import type { FetchJob, Moved } from './fetch-job.ts';
import type { RenderDone, RenderWork } from './jobs.ts';
import type { UnwrapJob, Unwrapped } from './unwrap.ts';

/** What a child is told first: where it works. Secrets come with jobs, over the pipe and never in arguments. */
export interface Setup {
  readonly stateDir: string;
  readonly limits: Limits;
  readonly firstPack: number;
  /** Content that is known to be damaged, and is to be written anew. */
  readonly suspects: readonly Digest[];
  readonly proxy: ProxySetup;
  readonly ssh: SshSettings;
}

/** Addresses of proxies as configured; '' without. */
export interface ProxySetup {
  readonly http: string;
  readonly https: string;
  readonly no: readonly string[];
}

export type Job =
  | { readonly kind: 'fetch'; readonly job: WireFetchJob }
  | { readonly kind: 'bundle'; readonly job: WireBundleJob }
  | { readonly kind: 'unwrap'; readonly job: UnwrapJob }
  | { readonly kind: 'render'; readonly job: WireRenderWork }
  | { readonly kind: 'verify'; readonly job: WirePgpJob }
  | { readonly kind: 'unlock'; readonly job: Identity }
  | { readonly kind: 'archive'; readonly job: ArtifactContent };

/** A key that was decrypted, in PEM: over the pipe to who asked, and nowhere else. */
export interface Unlocked {
  readonly identity: string;
}

/** A PGP check as it travels: bytes in base64. */
export type WirePgpJob = Omit<PgpJob, 'payload'> & { readonly payload: string };

/** Secrets and ConfigMaps as they travel: bytes in base64. */
export type WireData = readonly (Omit<DataObject, 'data'> & {
  readonly data: readonly (readonly [string, string])[];
})[];

/** Jobs as they travel. */
export interface WireFetchJob extends Omit<FetchJob, 'data'> {
  readonly data: WireData;
}
export interface WireBundleJob extends Omit<BundleJob, 'data'> {
  readonly data: WireData;
}
export interface WireRenderWork extends Omit<RenderWork, 'data'> {
  readonly data: WireData;
}

/** Told before the answer. */
export type Note =
  /** How many bytes a fetch is about to receive. */
  | { readonly expected: number }
  /** What a fetch has done so far. */
  | { readonly moved: Moved }
  /** The job waits for a server: others need not. */
  | { readonly waiting: true };

export type Answer =
  | {
      readonly ok: true;
      readonly value: FetchOutcome | RenderDone | Verdict | ArtifactSeal | Unwrapped | Unlocked | null;
    }
  | {
      readonly ok: false;
      readonly fault: {
        readonly code: FaultCode;
        readonly message: string;
        readonly reason: string;
        readonly retryAfterMs: number | null;
        readonly spent: WireCount | null;
        readonly progress: boolean;
        readonly revision: string;
        readonly paths: readonly string[];
      };
    };

/** What the parent says, a line each: a job to do, or one to call off. */
export type Order = { readonly id: number; readonly job: Job } | { readonly cancel: number };

/** What the child says, a line each. */
export type Said = { readonly id: number } & ({ readonly answer: Answer } | { readonly note: Note });

export function packData(data: readonly DataObject[]): WireData {
  return data.map((one) => ({
    ...one,
    data: [...one.data].map(([key, bytes]) => [key, Buffer.from(bytes).toString('base64')] as const),
  }));
}

export function unpackData(data: WireData): DataObject[] {
  return data.map((one) => ({
    ...one,
    data: new Map(one.data.map(([key, text]) => [key, Buffer.from(text, 'base64')])),
  }));
}

export function faultAnswer(fault: Fault): Answer {
  const { code, message, reason, retryAfterMs, spent, progress, revision, paths } = fault;
  const more = { retryAfterMs: retryAfterMs ?? null, spent: spent ?? null, progress, revision, paths };
  return { ok: false, fault: { code, message, reason, ...more } };
}

export function faultOf(answer: Extract<Answer, { ok: false }>): Fault {
  const { code, message, reason, retryAfterMs, spent, progress, revision, paths } = answer.fault;
  const fault = new Fault(code, message, { reason, retryAfterMs: retryAfterMs ?? undefined, paths });
  fault.spent = spent ?? undefined;
  fault.progress = progress;
  fault.revision = revision;
  return fault;
}

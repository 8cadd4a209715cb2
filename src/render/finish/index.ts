export {
  type BuiltObject,
  type FinishedPart,
  type FinishOptions,
  finish,
  finishObject,
  type LeftOut,
  linkParts,
  type Rendered,
  refOf,
  type Seal,
} from './finish.ts';
export { isClusterScoped } from './kinds.ts';
export type { CommonMetadata, Owner } from './metadata.ts';
export { candidatesOf } from './references.ts';

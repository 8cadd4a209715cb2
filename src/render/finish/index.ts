export {
  type BuiltObject,
  builtDigest,
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
export { annotationsOf, type CommonMetadata, type Owner } from './metadata.ts';
export { candidatesOf } from './references.ts';

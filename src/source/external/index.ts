export {
  bringArchive,
  type ExternalOptions,
  type ExternalPorts,
  type ExternalRequest,
  fetchExternal,
} from './fetch.ts';
export { externalRequestOf } from './from-flux.ts';

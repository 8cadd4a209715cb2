export { type NotationTrust, notationCheck } from './check.ts';

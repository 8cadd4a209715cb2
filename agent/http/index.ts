export { type Address, addressText, parseAddress } from './address.ts';
export { type ArtifactView, type Download, serveArtifacts } from './artifacts.ts';
export { type HttpRequest, type HttpResponse, handle, type NudgeRef, type View } from './handle.ts';
export { type Serving, serve } from './server.ts';

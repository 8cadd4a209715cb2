import { offerControlPlane } from '../controlplane/shared.ts';

/** Global set-up of the vitest projects that need a cluster: it starts nothing before a test asks for it. */
export default async function setup(): Promise<() => Promise<void>> {
  const offer = await offerControlPlane();
  return () => offer.stop();
}

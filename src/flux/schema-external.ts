import * as z from 'zod/mini';
import { weakly } from '../model/index.ts';
import { about, field, metadata, nonEmpty, text } from './schema-common.ts';

const spec = () =>
  z.strictObject({
    sourceRef: field(
      z.strictObject({
        apiVersion: field(text(), 'API version of that object.'),
        kind: about(nonEmpty(), 'Kind of that object.'),
        name: about(nonEmpty(), 'Name of that object.'),
        namespace: field(text(), 'Namespace of that object; that of this one when absent.'),
      }),
      'The object of another controller that the artifact is made from.',
    ),
  });

/** ExternalArtifact as it is written: the artifact itself is in its status, put there by who makes it. */
export const externalArtifactSchema = weakly(() =>
  about(
    z.strictObject({
      apiVersion: z.literal('source.toolkit.fluxcd.io/v1'),
      kind: z.literal('ExternalArtifact'),
      metadata: about(metadata, 'Name, namespace, labels and annotations.'),
      spec: field(spec(), 'Where the artifact comes from.'),
      status: z.optional(about(z.unknown(), 'Written by who makes the artifact.')),
    }),
    'An artifact that another controller makes, as a source of manifests (Flux API).',
  ),
);

export type RawExternalArtifact = z.infer<ReturnType<typeof externalArtifactSchema>>;

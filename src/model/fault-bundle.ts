import type { FaultRow } from './fault-row.ts';

/** What can be wrong with a file that was brought instead of fetched. */
export const BUNDLE_FAULTS = {
  'bundle-damaged': {
    next: 'hold',
    reason: 'BundleDamaged',
    help: 'The file is cut, damaged, or still being copied: nothing of it is used. Copy it again; `holdfast bundle verify` tells whether the original is whole.',
  },
  'bundle-unreadable': {
    next: 'stall',
    reason: 'BundleUnreadable',
    help: 'The file is none that can be taken: the message says what it is. docs/bundles.md lists the forms and the names.',
  },
  'bundle-base-missing': {
    next: 'hold',
    reason: 'BundleBaseMissing',
    help: 'The file holds a difference to a revision that is not on this disk: bring that one first, or a whole bundle.',
  },
  'bundle-older': {
    next: 'stall',
    reason: 'BundleOlder',
    help: 'What is here is newer. To go back on purpose commit the old state anew, or name the commit in spec.ref.commit.',
  },
  'bundle-elsewhere': {
    next: 'stall',
    reason: 'BundleElsewhere',
    help: 'The file is for another cluster: its selector does not fit cluster.name and cluster.labels of this agent.',
  },
  'bundle-unproven': {
    next: 'stall',
    reason: 'BundleUnproven',
    help: 'The agent takes only signed content from files (inbox.requireVerify): give the source spec.verify, or an OCIRepository spec.ref.digest. A Bucket has neither: bring another kind, or fetch it.',
  },
  'bundle-unclaimed': {
    next: 'hold',
    reason: 'BundleUnclaimed',
    help: 'No source here takes the file: declare the source that it names, resume it, or name the file for its source.',
  },
} as const satisfies Record<string, FaultRow>;

import { NODE_FLOOR } from '../../agent/version.ts';

/** For a small heap that gives back what it used (agent/memory.ts asks it to). V8 reads them only before it starts, hence a launcher. */
export const V8_FLAGS = ['--max-semi-space-size=2', '--optimize-for-size', '--expose-gc'] as const;

/**
 * Besides, for the agent alone: the optimizing compilers cost it 17 MiB (8 of them pages of their own code) and gain it
 * nothing, for its heavy work runs in children, which leave these flags out. The simple compiler costs 2 MiB and would
 * save 60 ms of CPU a commit. Helper threads for a small heap are not worth their stacks.
 */
export const AGENT_FLAGS = ['--no-opt', '--no-maglev', '--no-sparkplug', '--v8-pool-size=0'] as const;

/**
 * For a build, most of which are over before an optimizing compiler pays: one that starts late saves a third of the CPU and
 * 10 MiB. A small young generation saves another 10 MiB from 1,000 objects on, and time, for it stays in the processor's cache.
 */
export const BUILD_FLAGS = [
  '--invocation-count-for-maglev=40000',
  '--invocation-count-for-turbofan=100000',
  '--max-semi-space-size=2',
] as const;

/** In single quotes for a POSIX shell. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export interface Built {
  readonly node: string;
  /** The same from the folder of the launcher; used when it lies inside `root`, so that the checkout can be moved. */
  readonly fromDist: string;
  readonly root: string;
  /** What quick.ts calls the program for builds that belongs to this version. */
  readonly quick: string;
}

/**
 * A container's process 1 gets no signal that it has no handler for: a SIGTERM while Node starts would be lost, and the
 * engine would wait for its whole grace time. So there the shell stays and passes signals on.
 */
const AS_FIRST = `# As process 1 of a container, for signals that come before Node has a handler for them.
if [ $$ -eq 1 ] && [ "$1" = agent ]; then
  child= ended=
  pass() { if [ -n "$child" ]; then kill -s "$1" "$child" 2>/dev/null; else ended=$2; fi; }
  trap 'pass TERM 143' TERM
  trap 'pass INT 130' INT
  trap 'pass HUP ""' HUP
  # shellcheck disable=SC2086 # several flags, or none
  "$node" $flags "$here/$program" "$@" &
  child=$!
  [ -z "$ended" ] || kill "$child"
  while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do :; done
  exit "$code"
fi
`;

/** Text of dist/holdfast. */
export function launcher(built: Built): string {
  const inside = built.node.startsWith(`${built.root}/`);
  const recorded = inside ? `"$here"/${quote(built.fromDist)}` : quote(built.node);
  return `#!/bin/sh
# Starts holdfast.cjs on the Node it was built for: $HOLDFAST_NODE, the one of the build, one beside this file, one in PATH.
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=\${self%/*}/$link ;; esac
done
case $self in */*) here=\${self%/*} ;; *) here=. ;; esac

# Major version of a Node, or nothing.
major() { "$1" --version 2>/dev/null | sed -n 's/^v\\([0-9][0-9]*\\)\\..*/\\1/p'; }
fits() { m=$(major "$1"); [ -n "$m" ] && [ "$m" -ge ${NODE_FLOOR} ]; }

if [ -n "$HOLDFAST_NODE" ]; then
  node=$HOLDFAST_NODE
  fits "$node" || {
    echo "holdfast: HOLDFAST_NODE=$node is not a Node ${NODE_FLOOR} or newer." >&2
    exit 1
  }
else
  node=
  # What it was built for is not asked for its version: that would cost every start 40 ms.
  [ -x ${recorded} ] && node=${recorded}
  [ -n "$node" ] || for candidate in "$here/node" "$(command -v node)"; do
    [ -n "$candidate" ] && [ -x "$candidate" ] && fits "$candidate" && node=$candidate && break
  done
  [ -n "$node" ] || {
    echo "holdfast: no Node ${NODE_FLOOR} or newer found: set HOLDFAST_NODE to one, put one beside $self, or into PATH." >&2
    exit 1
  }
fi

# Only what stays pays for staying small; what ends at once is to be quick.
program=holdfast.cjs flags=
case $1 in
agent)
  flags='${[...V8_FLAGS, ...AGENT_FLAGS].join(' ')}'
  # glibc gives memory back at once (7 MiB after work), keeps one arena, and pieces from 8 KiB apart, so that none is kept by its neighbours; other libcs ignore these.
  export MALLOC_ARENA_MAX="\${MALLOC_ARENA_MAX:-1}" MALLOC_MMAP_THRESHOLD_="\${MALLOC_MMAP_THRESHOLD_:-8192}"
  export MALLOC_TRIM_THRESHOLD_="\${MALLOC_TRIM_THRESHOLD_:-32768}" MALLOC_TOP_PAD_="\${MALLOC_TOP_PAD_:-16384}"
  ;;
build)
  [ -r "$here/holdfast-build.cjs" ] && {
    program=holdfast-build.cjs
    flags='${BUILD_FLAGS.join(' ')}'
    set -- ${built.quick} "$@"
  }
  ;;
esac
${AS_FIRST}# shellcheck disable=SC2086 # several flags, or none
exec "$node" $flags "$here/$program" "$@"
`;
}

import { readFileSync } from 'node:fs';

/** Seconds of user and system time of a process so far, with its children, running ones and ended ones. 0 when it is gone. */
export function cpuOf(pid: number): number {
  try {
    const parts = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const own = [11, 12, 13, 14].reduce((sum, i) => sum + Number(parts[i] ?? 0), 0) / 100;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return children.reduce((sum, child) => sum + cpuOf(Number(child)), own);
  } catch {
    return 0;
  }
}

/** Algorithms that are offered, best first; empty lists leave it to the library and to known_hosts. */
export interface SshSettings {
  readonly hostKeyAlgorithms: readonly string[];
  readonly kexAlgorithms: readonly string[];
}

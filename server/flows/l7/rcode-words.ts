/** DNS RCODEs (IANA, "Domain Name System Parameters") in the registry's words, as Hubble shows them; metrics have its names. */

const RCODES: Readonly<Record<number, string>> = {
  0: 'No Error',
  1: 'Format Error',
  2: 'Server Failure',
  3: 'Non-Existent Domain',
  4: 'Not Implemented',
  5: 'Query Refused',
  6: 'Name Exists when it should not',
  7: 'RR Set Exists when it should not',
  8: 'RR Set that should exist does not',
  9: 'Server Not Authoritative for zone',
  10: 'Name not contained in zone',
};

export function rcodeWords(rcode: number): string {
  return RCODES[rcode] ?? `RCode ${rcode}`;
}

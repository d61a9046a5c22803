/** What `/api/v1/whoami`, and a login, answer. */
export interface WhoAmI {
  /** How the hub finds out who somebody is; `none`: everybody is let in. */
  auth: 'none' | 'token' | 'kubernetes';
  /** '' for `none`. */
  name: string;
  /** Those that may be seen, sorted; null for all. */
  namespaces: string[] | null;
}

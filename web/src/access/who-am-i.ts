/** Asks the hub who the page's reader is, and logs in and out. */
import type { WhoAmI } from '../../../server/wire/access.ts';

/** `unknown`: the hub gave no answer that says. */
export type Answer = { state: 'in'; who: WhoAmI } | { state: 'out' } | { state: 'unknown' };

export async function whoAmI(): Promise<Answer> {
  try {
    const response = await fetch('/api/v1/whoami');
    if (response.ok) return { state: 'in', who: (await response.json()) as WhoAmI };
    return { state: response.status === 401 ? 'out' : 'unknown' };
  } catch {
    return { state: 'unknown' };
  }
}

/** Null after a login, else why there was none: one sentence. */
export async function logIn(token: string): Promise<string | null> {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch('/api/v1/login', { method: 'POST', headers, body: JSON.stringify({ token }) });
    return response.ok ? null : await reasonOf(response);
  } catch {
    return `The hub at ${location.host} does not answer.`;
  }
}

/** The login is over whatever the answer is: the page is loaded anew, with nothing of what it knew. */
export async function logOut(): Promise<void> {
  await fetch('/api/v1/logout', { method: 'POST' }).catch(() => undefined);
  location.reload();
}

async function reasonOf(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // Not from a hub, then: its status is all there is to say.
  }
  return `The hub answered ${response.status}.`;
}

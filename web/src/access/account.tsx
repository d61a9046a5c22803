/** Who is logged in, what they see, and the way out. */
import type { ReactNode } from 'react';
import type { WhoAmI } from '../../../server/wire/access.ts';
import { logOut } from './who-am-i.ts';

export function Account({ who }: { who: WhoAmI }): ReactNode {
  const sees = who.namespaces === null ? 'sees all namespaces' : `sees ${who.namespaces.join(', ') || 'no namespace'}`;
  return (
    <button type="button" className="btn quiet" title={`${who.name} ${sees}`} onClick={() => void logOut()}>
      Log out
    </button>
  );
}

/** Lets a reader in: the page while the hub knows who asks, else the login. */
import { type ReactNode, useCallback, useEffect, useState } from 'react';
import type { WhoAmI } from '../../../server/wire/access.ts';
import { App } from '../app/app.tsx';
import type { LiveStore } from '../live/live-store.ts';
import { useSignal } from '../live/use-signal.ts';
import { Account } from './account.tsx';
import { Login } from './login.tsx';
import { whoAmI } from './who-am-i.ts';

type State = { at: 'start' } | { at: 'login' } | { at: 'page'; store: LiveStore; who: WhoAmI | null };

/** `open` makes a store for each login, so that nobody sees what another saw. */
export function Gate({ open }: { open: () => LiveStore }): ReactNode {
  const [state, setState] = useState<State>({ at: 'start' });
  const enter = useCallback(() => {
    void whoAmI().then((answer) => {
      if (answer.state === 'out') setState({ at: 'login' });
      // Without an answer the page itself says that the hub is gone.
      else setState({ at: 'page', store: open(), who: answer.state === 'in' ? answer.who : null });
    });
  }, [open]);
  useEffect(enter, [enter]);
  const leave = useCallback(() => setState({ at: 'login' }), []);
  if (state.at === 'start') return null;
  if (state.at === 'login') return <Login onDone={enter} />;
  return <Inside store={state.store} who={state.who} onOut={leave} />;
}

/** Asks again who it is each time the live stream breaks: a browser does not tell why. */
function Inside({ store, who, onOut }: { store: LiveStore; who: WhoAmI | null; onOut: () => void }): ReactNode {
  const { retryAt } = useSignal(store.connection);
  const isBroken = retryAt !== null;
  useEffect(() => {
    if (!isBroken) return;
    void whoAmI().then((answer) => {
      if (answer.state === 'out') onOut();
    });
  }, [isBroken, onOut]);
  useEffect(() => () => store.disconnect(), [store]);
  return <App store={store} account={who === null || who.auth === 'none' ? null : <Account who={who} />} />;
}

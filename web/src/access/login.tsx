/** The login: one field, what the token must be allowed to do, and the real reason when it is refused. */
import { type FormEvent, type ReactNode, useRef, useState } from 'react';
import { Mark } from '../marks/mark.tsx';
import { logIn } from './who-am-i.ts';
import './login.css';

export function Login({ onDone }: { onDone: () => void }): ReactNode {
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? '';
    if (isAsking) return;
    if (token === '') {
      setRefusal('There is no token in the field.');
      field.current?.focus();
      return;
    }
    setAsking(true);
    void logIn(token).then((reason) => {
      setAsking(false);
      setRefusal(reason);
      if (reason === null) onDone();
      else field.current?.select();
    });
  };

  return (
    <main className="login">
      <form aria-label="Log in" onSubmit={submit}>
        <h1>
          <Mark />
          Spyglass
        </h1>
        <label htmlFor="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          // The only thing there is to do here.
          autoFocus
          aria-invalid={refusal !== null}
          aria-describedby="token-needs"
        />
        {refusal !== null && (
          <p className="bad" role="alert">
            {refusal}
          </p>
        )}
        <p id="token-needs" className="soft">
          One that this hub knows (<code>spyglass token</code>), or one of Kubernetes (<code>kubectl create token</code>
          ) that may list <code>flows.spyglass.io</code>, in the cluster or in single namespaces. The page shows what
          the token may see.
        </p>
        <button type="submit" className="btn main" disabled={isAsking}>
          Log in
        </button>
      </form>
    </main>
  );
}

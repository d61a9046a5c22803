/** Copies a text, and says so in place for two seconds. */
import { type ReactNode, useEffect, useState } from 'react';
import { Icon } from './icon.tsx';

export function CopyButton({ label, text }: { label: string; text: string }): ReactNode {
  const [state, setState] = useState<'idle' | 'copied' | 'refused'>('idle');
  useEffect(() => {
    if (state === 'idle') return undefined;
    const timer = setTimeout(() => setState('idle'), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setState('copied'),
      () => setState('refused'),
    );
  };
  const word = { idle: label, copied: 'Copied', refused: 'Not allowed' }[state];
  return (
    <button type="button" className="btn" onClick={copy} title={text} aria-label={`Copy ${label}`}>
      <Icon name="copy" />
      <span aria-live="polite">{word}</span>
    </button>
  );
}

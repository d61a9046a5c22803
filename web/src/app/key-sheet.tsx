/** The list of keys, opened by `?`. */
import { type ReactNode, useEffect, useRef } from 'react';
import { Icon } from '../marks/icon.tsx';
import { KEY_HELP } from './keys.ts';

interface KeySheetProps {
  singleLetters: boolean;
  onSingleLetters: (on: boolean) => void;
  onClose: () => void;
}

export function KeySheet({ singleLetters, onSingleLetters, onClose }: KeySheetProps): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.show(), []);
  return (
    <dialog ref={dialog} className="keys" aria-label="Keys" onClose={onClose}>
      <h2>
        Keys
        <button type="button" className="icon" title="Close (Esc)" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </h2>
      <dl>
        {KEY_HELP.map(({ keys, does }) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label>
        <input type="checkbox" checked={singleLetters} onChange={(event) => onSingleLetters(event.target.checked)} />
        Single keys act, also without Ctrl
      </label>
    </dialog>
  );
}

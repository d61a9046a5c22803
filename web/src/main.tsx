/** Starts the page. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Gate } from './access/gate.tsx';
import { applyTheme } from './app/preferences.ts';
import { LiveStore } from './live/live-store.ts';
import { liveUrl } from './live/live-socket.ts';
import './tokens.css';
import './app/base.css';
import './app/top-bar.css';
import './app/controls.css';

applyTheme();
const open = (): LiveStore => new LiveStore(liveUrl(location));
const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element "root" to draw into; serve the index.html of this build.');
createRoot(root).render(
  <StrictMode>
    <Gate open={open} />
  </StrictMode>,
);

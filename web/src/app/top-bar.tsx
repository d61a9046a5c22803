/** The bar at the top: mark, pages, filter, state of the data, theme. */
import type { MouseEvent, ReactNode } from 'react';
import { Icon } from '../marks/icon.tsx';
import { Mark } from '../marks/mark.tsx';
import type { Page, PageState } from './page-state.ts';
import { writeAddress } from './page-state.ts';

interface TopBarProps {
  page: PageState;
  onPage: (page: Page) => void;
  onTheme: () => void;
  filter: ReactNode;
  connection: ReactNode;
  account: ReactNode;
}

const LINKS: readonly { page: Page; text: string }[] = [
  { page: 'map', text: 'Map' },
  { page: 'flows', text: 'Flows' },
  { page: 'policies', text: 'Policies' },
  { page: 'l7', text: 'L7' },
  { page: 'datapath', text: 'Datapath' },
];

export function TopBar({ page, onPage, onTheme, filter, connection, account }: TopBarProps): ReactNode {
  const follow = (event: MouseEvent, target: Page): void => {
    // Ctrl-click and the like open another tab, as everywhere.
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onPage(target);
  };
  return (
    <header className="top">
      <a className="brand" href="/" onClick={(event) => follow(event, 'map')}>
        <Mark />
        Spyglass
      </a>
      <nav className="tabs" aria-label="Pages">
        {LINKS.map((link) => (
          <a
            key={link.page}
            href={writeAddress({ ...page, page: link.page })}
            className={link.page === page.page ? 'on' : ''}
            aria-current={link.page === page.page ? 'page' : undefined}
            onClick={(event) => follow(event, link.page)}
          >
            {link.text}
          </a>
        ))}
      </nav>
      {filter}
      {connection}
      {account}
      <button type="button" className="icon" title="Light or dark" aria-label="Light or dark" onClick={onTheme}>
        <Icon name="theme" />
      </button>
    </header>
  );
}

/** 16 px icons, drawn with the text's colour. They stand beside a word, save for close, zoom, theme and expand. */
import type { ReactNode } from 'react';

const PATHS = {
  search: 'M11.25 7a4.25 4.25 0 1 1-8.5 0 4.25 4.25 0 0 1 8.5 0ZM10.25 10.25l3.25 3.25',
  close: 'm4 4 8 8M12 4l-8 8',
  down: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  up: 'm4.5 9.5 3.5-3.5 3.5 3.5',
  pause: 'M5.5 4v8M10.5 4v8',
  play: 'M5.5 3.75v8.5L12 8z',
  copy: 'M6 5.75h7v7.5H6zM10 5.75v-3H3v7.5h3',
  expand: 'M9.5 3H13v3.5M13 3 9.25 6.75M6.5 13H3V9.5M3 13l3.75-3.75',
  tidy: 'M2.75 6h4v4h-4zM9.75 2.75h3.5v3.5h-3.5zM9.75 9.75h3.5v3.5h-3.5zM6.75 8h1.5V4.5h1.5M8.25 8v3.5h1.5',
  keys: 'M2.25 4.25h11.5v7.5H2.25zM4.75 6.75h.01M7 6.75h.01M9.25 6.75h.01M11.25 6.75h.01M5.25 9.25h5.5',
} as const;

export type IconName = keyof typeof PATHS | 'theme';

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg className="i" viewBox="0 0 16 16" style={{ width: size, height: size }} aria-hidden="true">
      {name === 'theme' ? (
        <>
          <circle cx="8" cy="8" r="5.25" />
          <path d="M8 2.75a5.25 5.25 0 0 1 0 10.5z" fill="currentColor" stroke="none" />
        </>
      ) : (
        <path d={PATHS[name]} />
      )}
    </svg>
  );
}

/** The product's mark. */
import type { ReactNode } from 'react';

export function Mark(): ReactNode {
  return (
    <svg viewBox="0 0 20 20" fill="none" aria-hidden="true">
      <circle cx="10" cy="10" r="8" stroke="currentColor" strokeWidth="2" />
      <circle cx="12.2" cy="7.8" r="3.2" fill="var(--accent)" />
    </svg>
  );
}

/** The line ends where the packet ended: the mark of a verdict, 18 x 12, in the text's colour. */
import type { ReactNode } from 'react';
import type { Verdict } from '../words/what.ts';

const MARKS: Readonly<Record<Verdict, ReactNode>> = {
  forwarded: <path d="M1 6h14M11 2.5 15.5 6 11 9.5" />,
  dropped: (
    <>
      <path d="M1 6h9" />
      <path d="M12.5 1v10" strokeWidth="2.75" />
    </>
  ),
  audit: (
    <>
      <path d="M1 6h5" strokeDasharray="2 1.5" />
      <path d="M7.5 1.5h3v9h-3z" strokeWidth="1.25" />
      <path d="M11 6h3M13 3.5 16 6l-3 2.5" strokeWidth="1.5" />
    </>
  ),
  redirected: (
    <>
      <path d="M1 6h4M11 6h4M13 3 16.5 6 13 9" />
      <path d="M5 3h6v6H5z" />
    </>
  ),
  unanswered: (
    <>
      <path d="M1 6h9" strokeDasharray="1.5 2.2" />
      <circle cx="13.5" cy="6" r="2.75" strokeWidth="1.5" />
    </>
  ),
  error: <path d="M1 6h5M9 2l6 8M15 2 9 10" />,
};

export function VerdictMark({ verdict }: { verdict: Verdict }): ReactNode {
  return (
    <svg className="v" viewBox="0 0 18 12" aria-hidden="true">
      {MARKS[verdict]}
    </svg>
  );
}

/** The frame of the details panel: head, sections, foot. */
import type { ReactNode } from 'react';
import { Icon } from '../marks/icon.tsx';
import './details.css';

interface PanelProps {
  label: string;
  title: ReactNode;
  subtitle: ReactNode;
  tone?: 'bad' | '';
  tools?: ReactNode;
  onClose: () => void;
  foot: ReactNode;
  children: ReactNode;
}

export function Panel({ label, title, subtitle, tone = '', tools, onClose, foot, children }: PanelProps): ReactNode {
  return (
    <aside className="side" aria-label={label}>
      <header>
        <h1 className={tone}>
          {title}
          <span className="tools">
            {tools}
            <button type="button" className="icon" title="Close (Esc)" aria-label="Close details" onClick={onClose}>
              <Icon name="close" />
            </button>
          </span>
        </h1>
        <p>{subtitle}</p>
      </header>
      <div className="body">{children}</div>
      <footer>{foot}</footer>
    </aside>
  );
}

export function Section({
  title,
  note,
  children,
}: {
  title: string;
  note?: ReactNode;
  children: ReactNode;
}): ReactNode {
  return (
    <section className="sec">
      <h3>
        {title} <span>{note}</span>
      </h3>
      {children}
    </section>
  );
}

/** Large figures in one line. */
export function Figures({
  figures,
}: {
  figures: readonly { value: string; unit: string; caption: string; tone?: string }[];
}): ReactNode {
  return (
    <div className="figs">
      {figures.map(({ value, unit, caption, tone = '' }) => (
        <div key={caption} className={tone}>
          <b>
            {value}
            <small>{unit}</small>
          </b>
          {caption}
        </div>
      ))}
    </div>
  );
}

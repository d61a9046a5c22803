/** Type on the canvas: the page's family. */
const FAMILY = "Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";

/** `size` in map units. */
export const font = (weight: 400 | 500 | 600, size: number): string => `${weight} ${size}px ${FAMILY}`;

/** The text, cut in the middle where it is wider than `width` at the font that is set. */
export function fitted(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  let keep = text.length - 1;
  const cut = (): string => `${text.slice(0, Math.ceil(keep / 2))}…${text.slice(text.length - Math.floor(keep / 2))}`;
  while (keep > 2 && ctx.measureText(cut()).width > width) keep--;
  return cut();
}

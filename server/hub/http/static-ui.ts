/** The built UI: files as they are, and its page for every address that a browser may open or reload. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { Problem } from './problem.ts';

/** Where `npm run build:web` puts the UI, seen from the sources as well as from the built hub. */
export function builtUi(): string {
  const base = fileURLToPath(new URL('../../../', import.meta.url));
  return base.endsWith('/dist/') ? join(base, 'web') : join(base, 'dist', 'web');
}

export function staticUi(folder: string): RequestHandler[] {
  const files = express.static(folder, {
    index: false,
    dotfiles: 'ignore',
    setHeaders: (response, path) => {
      // Vite puts a hash into the names of what it bundles; other names are asked for again.
      const isHashed = path.includes('/assets/');
      response.setHeader('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  return [files, page(join(folder, 'index.html'))];
}

function page(file: string): RequestHandler {
  return (request: Request, response: Response, next: NextFunction): void => {
    const isPage = request.method === 'GET' || request.method === 'HEAD';
    if (!isPage || request.path.startsWith('/api/') || request.accepts(['json', 'html']) !== 'html') {
      next();
      return;
    }
    if (!existsSync(file)) {
      throw new Problem(
        503,
        'The UI is not built; run "npm run build:web". The API at /api/v1/status works without it.',
      );
    }
    response.set('Cache-Control', 'no-cache').sendFile(file);
  };
}

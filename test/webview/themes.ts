/** VS Code's own themes as its webviews get them (themes.json: recorded from Dark Modern, Light Modern, Dark High Contrast and Light High Contrast of 1.139). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const themeNames = ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const;
export type ThemeName = (typeof themeNames)[number];

interface Theme {
  readonly className: string;
  readonly variables: Readonly<Record<string, string>>;
}

const themes = JSON.parse(readFileSync(join(import.meta.dirname, 'themes.json'), 'utf8')) as Record<ThemeName, Theme>;

export function themeOf(name: ThemeName): Theme {
  return themes[name];
}

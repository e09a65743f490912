/** The read-only editor for dump files: an overview by `pagewalk info`, and a button that starts a session. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import { nodeEnvironment, programPath } from '../debugging/configurations.ts';

const timeout = 60_000;

export class DumpEditorProvider implements vscode.CustomReadonlyEditorProvider {
  readonly #context: vscode.ExtensionContext;

  constructor(context: vscode.ExtensionContext) {
    this.#context = context;
  }

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor(document: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    panel.webview.options = { enableScripts: true };
    panel.webview.onDidReceiveMessage((message: { command?: string }) => {
      if (message.command === 'debug') void vscode.commands.executeCommand('pagewalk.openImage', document.uri);
    });
    panel.webview.html = page(panel.webview, { title: document.uri.path, body: `<p>${vscode.l10n.t('Reading the dump…')}</p>` });
    panel.webview.html = page(panel.webview, { title: document.uri.path, body: await this.#overview(document.uri.fsPath) });
  }

  #overview(path: string): Promise<string> {
    return new Promise((resolve) => {
      const options = { timeout, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...nodeEnvironment } };
      execFile(process.execPath, [programPath(this.#context), 'info', path, '--json'], options, (error, stdout, stderr) => {
        if (error !== null) resolve(`<p class="problem">${escape(stderr.trim() === '' ? error.message : stderr.trim())}</p>`);
        else resolve(overviewHtml(JSON.parse(stdout) as InfoFacts));
      });
    });
  }
}

/** What of the header belongs into an overview: what was left out, and the files of a split set with the pages of each. */
const headerLabels: Readonly<Record<string, string>> = {
  'left out': 'Left out',
  'pages in RAM': 'Pages in RAM',
  'pages dumped': 'Pages in the dump',
  'pages left out': 'Pages left out',
  member: 'Member',
  'missing member': 'Missing member',
};

function overviewHtml(info: InfoFacts): string {
  const rows: [string, string][] = [
    ['Format', `${info.format}${info.compression.length === 0 ? '' : ` (${info.compression.join(', ')})`}`],
    ['Kernel', info.release ?? 'unknown'],
    ['Architecture', `${info.architecture}, ${info.pagingLevels} levels`],
    [
      'Memory',
      `${Math.round(info.memory.bytes / 2 ** 20)} MiB${info.memory.dumpLevel === null ? '' : `, dump level ${info.memory.dumpLevel}`}`,
    ],
    ['Symbols', info.symbols.count === 0 ? 'none' : `${info.symbols.count} (${info.symbols.source})`],
    ['Types', info.types.source ?? 'none'],
    ...info.header.flatMap(({ name, value }): [string, string][] => {
      const label = headerLabels[name];
      return label === undefined ? [] : [[label, value]];
    }),
    ['CPUs, tasks, modules', `${info.cpus}, ${info.tasks ?? '?'}, ${info.modules ?? '?'}`],
  ];
  const table = rows.map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`).join('');
  const evidence = info.evidence
    .map(
      ({ quantity, value, source }) =>
        `<tr><th>${escape(quantity)}</th><td><code>${escape(value)}</code></td><td>${escape(source)}</td></tr>`,
    )
    .join('');
  const warnings = info.warnings.map((warning) => `<li>${escape(warning)}</li>`).join('');
  return `<button id="debug">${vscode.l10n.t('Debug this image')}</button><table>${table}</table>
    ${warnings === '' ? '' : `<h2>${vscode.l10n.t('Warnings')}</h2><ul class="problem">${warnings}</ul>`}
    <h2>${vscode.l10n.t('How the layout was found')}</h2><table>${evidence}</table>`;
}

function page(webview: vscode.Webview, content: { title: string; body: string }): string {
  const nonce = randomBytes(16).toString('base64');
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; font-src ${webview.cspSource}">
    <style nonce="${nonce}">
      body { padding: 1rem 1.5rem; color: var(--vscode-editor-foreground); background: var(--vscode-editor-background); }
      table { border-collapse: collapse; margin: 1rem 0; } th { text-align: left; font-weight: normal; color: var(--vscode-descriptionForeground); }
      th, td { padding: 0.2rem 1.5rem 0.2rem 0; vertical-align: top; } h1, h2 { font-weight: normal; font-size: 1.2em; } code { font-family: var(--vscode-editor-font-family); }
      button { color: var(--vscode-button-foreground); background: var(--vscode-button-background); border: 1px solid var(--vscode-button-border, transparent); padding: 0.4rem 1rem; border-radius: 2px; cursor: pointer; font: inherit; }
      button:hover { background: var(--vscode-button-hoverBackground); } button:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
      .problem { color: var(--vscode-editorWarning-foreground); }
    </style></head>
    <body><h1>${escape(content.title.slice(content.title.lastIndexOf('/') + 1))}</h1>${content.body}
    <script nonce="${nonce}">const api = acquireVsCodeApi(); document.getElementById('debug')?.addEventListener('click', () => api.postMessage({ command: 'debug' }));</script>
    </body></html>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

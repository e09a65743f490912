/** The document of a page: its element, its script, and nothing from elsewhere. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** Loads the page webview/NAME. Who wants to hear its first message listens before. */
export function showPage(webview: vscode.Webview, context: vscode.ExtensionContext, name: string): void {
  const root = vscode.Uri.joinPath(context.extensionUri, 'dist', 'webview');
  webview.options = { enableScripts: true, localResourceRoots: [root] };
  webview.html = html(webview, root, name);
}

function html(webview: vscode.Webview, root: vscode.Uri, name: string): string {
  const nonce = randomBytes(16).toString('base64');
  const uri = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, file)).toString();
  const { bundle } = vscode.l10n;
  const words = bundle === undefined ? '' : ` data-words="${attribute(JSON.stringify(bundle))}"`;
  const policy = `default-src 'none'; style-src ${webview.cspSource} 'unsafe-inline'; font-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  const styles = ['panel.css', `${name}.css`].map((file) => `<link rel="stylesheet" href="${uri(file)}">`).join('');
  // The controls of @vscode-elements look for the icons' sheet by this id.
  const icons = `<link rel="stylesheet" id="vscode-codicon-stylesheet" href="${uri('codicon.css')}">`;
  return `<!DOCTYPE html><html lang="${attribute(vscode.env.language)}"><head><meta charset="utf-8"><title>${name}</title>
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    ${icons}${styles}</head>
    <body${words}><pagewalk-${name}></pagewalk-${name}><script type="module" nonce="${nonce}" src="${uri(`${name}.js`)}"></script></body></html>`;
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

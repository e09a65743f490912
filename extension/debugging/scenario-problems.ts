/** What is wrong in a scenario's machine, in the Problems list: as of the stop of its session, or of the end of its run. */
import * as vscode from 'vscode';
import type { ScenarioProblem, ScenarioProblems } from '../../debug-adapter/protocol/scenario.ts';
import { debugType } from './sessions.ts';
import type { Sessions } from './sessions.ts';

export class ScenarioProblemList implements vscode.Disposable {
  readonly #sessions: Sessions;
  readonly #problems = vscode.languages.createDiagnosticCollection('pagewalk-scenario');
  readonly #subscriptions: vscode.Disposable;
  /** Scenarios whose problems are told, by the id of the session that told them. */
  readonly #told = new Map<string, vscode.Uri>();
  #asked = 0;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#subscriptions = vscode.Disposable.from(
      this.#problems,
      sessions.onDidChange(() => {
        void this.#ask();
      }),
      // A run without debugging has ended when it tells them: they stay until the text is another, or is run again.
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
        if (session.type === debugType && event === 'pagewalk/scenarioProblems') this.#show(body as ScenarioProblems);
      }),
      vscode.debug.onDidStartDebugSession(({ type, configuration }) => {
        const scenario: unknown = configuration['scenario'];
        if (type === debugType && typeof scenario === 'string') this.#problems.delete(vscode.Uri.file(scenario));
      }),
      vscode.debug.onDidTerminateDebugSession(({ id }) => {
        const uri = this.#told.get(id);
        this.#told.delete(id);
        if (uri !== undefined) this.#problems.delete(uri);
      }),
      vscode.workspace.onDidChangeTextDocument(({ document: { uri }, contentChanges }) => {
        const isLive = [...this.#told.values()].some((one) => one.toString() === uri.toString());
        if (contentChanges.length > 0 && !isLive) this.#problems.delete(uri);
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        this.#problems.delete(uri);
      }),
    );
  }

  async #ask(): Promise<void> {
    const session = this.#sessions.current;
    // A run without debugging tells them by itself.
    if (session?.configuration['scenario'] === undefined || session.configuration['noDebug'] === true) return;
    const asked = ++this.#asked;
    try {
      const told = await this.#sessions.request('pagewalk/scenarioProblems', {});
      if (asked !== this.#asked || this.#sessions.current?.id !== session.id) return;
      const uri = this.#show(told);
      if (uri !== undefined) this.#told.set(session.id, uri);
    } catch {
      // It runs again, or has ended: the next stop tells.
    }
  }

  #show({ path, problems, truncated }: ScenarioProblems): vscode.Uri | undefined {
    if (path === null) return undefined;
    const uri = vscode.Uri.file(path);
    const shown = problems.map(diagnosticOf);
    const last = shown.at(-1);
    if (truncated && last !== undefined)
      shown.push(diagnostic(last.range, vscode.l10n.t('There are more; the Findings view has all of them.'), 'info'));
    this.#problems.set(uri, shown);
    return uri;
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

/** What belongs to no statement stands at the start, where the machine is described. */
function diagnosticOf({ kind, severity, message, place }: ScenarioProblem): vscode.Diagnostic {
  const range =
    place === null
      ? new vscode.Range(0, 0, 0, Number.MAX_SAFE_INTEGER)
      : new vscode.Range(place.start.line, place.start.character, place.end.line, place.end.character);
  const shown = diagnostic(range, message, severity);
  shown.code = kind;
  return shown;
}

const severities = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
} as const;

function diagnostic(range: vscode.Range, message: string, severity: keyof typeof severities): vscode.Diagnostic {
  const made = new vscode.Diagnostic(range, message, severities[severity]);
  made.source = 'pagewalk';
  return made;
}

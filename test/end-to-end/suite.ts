/** Entry of the tests inside VS Code: mocha over the bundled files, and a report that the launcher reads. */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { defineFigures } from './figures.ts';
import { defineDocumentTests } from './documents.ts';
import { defineSessionTests } from './session.ts';

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, color: false });
  mocha.suite.emit('pre-require', globalThis, null, mocha);
  defineFigures();
  defineSessionTests();
  defineDocumentTests();
  const failures: string[] = [];
  let passed = 0;
  const skips: string[] = [];
  await new Promise<void>((done) => {
    mocha
      .run(() => {
        done();
      })
      .on('pass', () => {
        passed++;
      })
      .on('pending', (test: { fullTitle(): string }) => {
        skips.push(test.fullTitle());
      })
      .on('fail', (test: { fullTitle(): string }, error: Error) => {
        failures.push(`${test.fullTitle()}\n${error.stack ?? error.message}`);
      });
  });
  const report = process.env['PAGEWALK_REPORT'];
  if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed: failures.length, skips, failures }));
  if (failures.length > 0) throw new Error(`${failures.length} end-to-end tests failed`);
}

import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { configs as lit } from 'eslint-plugin-lit';
import litA11y from 'eslint-plugin-lit-a11y';
import tseslint from 'typescript-eslint';

/** Brands have one maker each; a cast anywhere else would let an unchecked number pass for an address. */
const noBrandCast = [
  {
    selector: 'TSAsExpression > TSTypeReference > Identifier[name=/^(Address|PhysAddr)$/]',
    message: 'Make addresses with the functions of debug-adapter/base/address.ts; a cast skips their checks.',
  },
];

/** Every failure of the input's is told in the words of one file. */
const noOwnWords = [
  {
    selector: 'NewExpression[callee.name="UserError"]',
    message: 'Make user-facing errors with the factories of debug-adapter/base/errors.ts: what, where, what to do next.',
  },
];

/** What erasing types must leave running as it stands (node strips types; there is no enum to generate). */
const noGeneratedCode = [
  { selector: 'TSEnumDeclaration', message: 'Write a union of literals, or a const object.' },
  { selector: 'TSParameterProperty', message: 'Declare the field and assign it.' },
  { selector: 'TSModuleDeclaration[declare!=true]', message: 'A file is a namespace already.' },
  { selector: 'ExportDefaultDeclaration', message: 'Export by name, so that one thing has one name everywhere.' },
  { selector: 'PropertyDefinition[accessibility="private"]', message: 'Write #private: it holds at run time too.' },
  { selector: 'MethodDefinition[accessibility="private"][kind!="constructor"]', message: 'Write #private: it holds at run time too.' },
];

export default defineConfig(
  { ignores: ['**/node_modules/', 'dist/', 'out/', 'artefacts/', '.vscode-test/', 'coverage/', 'debug-adapter/scenario/generated/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-shadow': 'error',
      // A base class's default may need none of the parameters that its overrides do.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `while (true)` with a bound inside is how loops over target data read best.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
      // A blank body can be the right one (a disposer that has nothing to do); an accidental one is caught by review.
      '@typescript-eslint/no-empty-function': 'off',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 500 }],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 4 }],
      'no-restricted-syntax': ['error', ...noGeneratedCode, ...noBrandCast],
    },
  },
  { files: ['debug-adapter/base/address.ts'], rules: { 'no-restricted-syntax': ['error', ...noGeneratedCode] } },
  {
    files: ['debug-adapter/**/*.ts'],
    // The last makes the error anew that a thread has told of.
    ignores: ['debug-adapter/base/*.ts', 'debug-adapter/session/job-runner.ts'],
    rules: { 'no-restricted-syntax': ['error', ...noGeneratedCode, ...noBrandCast, ...noOwnWords] },
  },
  {
    files: ['webview/**/*.ts'],
    extends: [lit['flat/recommended'], litA11y.configs.recommended],
    plugins: { 'lit-a11y': litA11y },
  },
  {
    files: ['test/**/*.ts'],
    ignores: ['test/support/properties.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { name: 'fast-check', importNames: ['default'], message: 'Take fc of test/support/properties.ts.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines': 'off',
      // node:test's describe and it return promises that the runner itself awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' }] },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'console',
          'process',
          'Buffer',
          'URL',
          'URLSearchParams',
          'setTimeout',
          'setInterval',
          'clearInterval',
          'clearTimeout',
          'document',
          'performance',
          'NodeFilter',
          'getComputedStyle',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['**/*.cjs', 'test/vscode-web/stubs/**/*.js', 'test/vscode-web/hexeditor-stub/*.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: {
        require: 'readonly',
        module: 'readonly',
        exports: 'writable',
        process: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        globalThis: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
);

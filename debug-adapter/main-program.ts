/**
 * Entry of `dist/pagewalk.js`, which holds the program (main-cli.ts with all that it imports) as one text. V8 takes longer to read
 * that text than most verbs take to answer; a code cache that the build left beside the file spares it what was read before.
 * The cache is for the very text, Node and machine of its name: anywhere else there is none of that name, and V8 reads the text.
 */
import type * as fs from 'node:fs';
import { createRequire } from 'node:module';
import type * as nodeUrl from 'node:url';
import type * as vm from 'node:vm';

/** The program, a function of what Node gives a module. */
declare const PAGEWALK_PROGRAM: string;
/** The text's digest. */
declare const PAGEWALK_PROGRAM_DIGEST: string;

interface Module {
  exports: { readonly finished?: Promise<void> | undefined };
}

type Program = (module: Module, require: NodeJS.Require, load: (specifier: string) => Promise<unknown>, url: string) => void;

const { url } = import.meta;
const { versions, platform, arch } = process;
const require = createRequire(url);
// A module that imports one of these has Node load all that it leads to, as the streams of files.
const { readFileSync } = require('node:fs') as typeof fs;
const { fileURLToPath } = require('node:url') as typeof nodeUrl;
const { Script } = require('node:vm') as typeof vm;

const script = new Script(PAGEWALK_PROGRAM, {
  filename: fileURLToPath(url),
  cachedData: cacheOf(new URL(`./pagewalk-${PAGEWALK_PROGRAM_DIGEST}-${versions.v8}-${platform}-${arch}.cache`, url)),
});
const module: Module = { exports: {} };
const start = script.runInThisContext() as Program;
start(module, require, (specifier) => import(specifier), url);
await module.exports.finished;

function cacheOf(file: URL): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

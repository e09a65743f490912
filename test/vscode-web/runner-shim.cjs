/**
 * The tests' entry as the extension host sees it. What the tests print goes to files that code-web-runner copies out (the
 * page's console would add prefixes and lose partial lines); then it runs the real tests and leaves their result in a file.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Writable } = require('node:stream');
const { format } = require('node:util');

const folder = process.env.CODE_WEB_RUNNER_FOLDER;
const tests = process.env.CODE_WEB_RUNNER_TESTS;
const files = { stdout: fs.openSync(path.join(folder, 'stdout'), 'a'), stderr: fs.openSync(path.join(folder, 'stderr'), 'a') };
let open = true;

function put(stream, data) {
  if (open) fs.writeSync(files[stream], data);
}

/** Written beside and renamed, so that a reader never sees half a file. */
function leave(name, content) {
  fs.writeFileSync(path.join(folder, `${name}.part`), content);
  fs.renameSync(path.join(folder, `${name}.part`), path.join(folder, name));
}

// The extension host has made these accessors that swallow assignments.
function replace(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true });
}
for (const name of ['log', 'info', 'debug']) replace(console, name, (...values) => put('stdout', `${format(...values)}\n`));
for (const name of ['warn', 'error', 'trace']) replace(console, name, (...values) => put('stderr', `${format(...values)}\n`));
for (const name of ['stdout', 'stderr']) {
  const write = (data, _encoding, done) => {
    put(name, data);
    done();
  };
  replace(process, name, Object.assign(new Writable({ decodeStrings: false, write }), { fd: name === 'stdout' ? 1 : 2 }));
}

let pictures = 0;
/** For tests: `await globalThis.vscodeWebRunner?.screenshot('/absolute/file.png')`. */
globalThis.vscodeWebRunner = {
  async screenshot(file) {
    const id = ++pictures;
    leave(`picture-${id}`, path.resolve(file));
    for (let waited = 0; waited < 200; waited++) {
      if (fs.existsSync(path.join(folder, `taken-${id}`))) return;
      await new Promise((resume) => setTimeout(resume, 50));
    }
    throw new Error(`no picture came for ${file}`);
  },
};

exports.run = async function run() {
  leave('started', String(process.pid));
  let code = 0;
  try {
    await require(tests).run();
  } catch (error) {
    code = 1;
    put('stderr', `${error?.stack ?? error}\n`);
  }
  leave('result', String(code));
  // VS Code prints the rejection once more: that stays out.
  open = false;
  if (code !== 0) throw new Error('tests failed');
};

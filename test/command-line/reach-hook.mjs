/**
 * Loaded before the program: tells what it reaches for outside of itself, one JSON line each, in the file that PAGEWALK_REACH
 * names. `open` with its path and flags, every other use of a path by the function's name, and whatever leads to a network or to
 * another program.
 */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';

const { openSync, writeSync } = fs;
const told = openSync(process.env.PAGEWALK_REACH, 'a');

function tell(what) {
  writeSync(told, `${JSON.stringify(what)}\n`);
}

function watch(module, kind, names) {
  for (const name of names) {
    const real = module[name];
    module[name] = function (...parameters) {
      tell({ kind, name, path: String(parameters[0]), flags: name.startsWith('open') ? String(parameters[1] ?? 'r') : undefined });
      return Reflect.apply(real, this, parameters);
    };
  }
}

const takesPath =
  /^(?:access|appendFile|chmod|chown|copyFile|cp|createReadStream|createWriteStream|exists|lchown|link|lstat|lutimes|mkdir|mkdtemp|open|opendir|readdir|readFile|readlink|realpath|rename|rm|rmdir|stat|statfs|symlink|truncate|unlink|unwatchFile|utimes|watch|watchFile|writeFile)(?:Sync)?$/;
watch(
  fs,
  'file',
  Object.keys(fs).filter((name) => takesPath.test(name)),
);
watch(
  fs.promises,
  'file',
  Object.keys(fs.promises).filter((name) => takesPath.test(name)),
);
watch(childProcess, 'program', ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync']);
watch(net, 'network', ['connect', 'createConnection', 'createServer']);
watch(net.Socket.prototype, 'network', ['connect']);
watch(tls, 'network', ['connect', 'createServer']);
watch(dgram, 'network', ['createSocket']);
watch(dns, 'network', ['lookup', 'resolve']);
watch(http, 'network', ['request', 'get', 'createServer']);
watch(https, 'network', ['request', 'get', 'createServer']);
watch(globalThis, 'network', ['fetch']);
syncBuiltinESMExports();

/** Runs `pagewalk dap` in this process, for clients that start a program without arguments. */
process.argv.splice(2, process.argv.length, 'dap');
await import('../../dist/pagewalk.js');

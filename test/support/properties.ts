/**
 * fast-check as every test of a property takes it: the same cases each time, so that what passed before a change fails because
 * of it; with PAGEWALK_FUZZ in the environment cases that nobody has seen yet.
 */
import fc from 'fast-check';

if (process.env['PAGEWALK_FUZZ'] === undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 0x70_61_67_65 });

export { fc };
